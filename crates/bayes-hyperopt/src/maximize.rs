//! The search for the best point of a model.

pub(crate) mod lbfgs;
mod search;

pub(crate) use search::{Effort, Found, Landscape, candidates, improve, score, search};
