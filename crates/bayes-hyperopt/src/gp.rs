//! Gaussian processes: fit, predict, append.

pub(crate) mod dense;
mod joint;
mod objective;
mod posterior;
mod power;
mod prior;
mod sparse;
#[cfg(test)]
mod tests;
mod warp;

pub(crate) use joint::Joint;
pub(crate) use objective::{Problem, Workspace};
pub(crate) use posterior::{Gp, Marginal, Predictor};
pub(crate) use prior::{Breadth, NoiseKind, Prior};
pub(crate) use sparse::{Covariance, cover, inducing_means};
pub(crate) use warp::{Targets, Warp};
