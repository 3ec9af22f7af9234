//! Composes the pillars into one search over prompts, structure and hyperparameters.
//!
//! From the outside in: a [`config`] file is composed ([`compose`]) into a [`session`], which drives the [`run`] loop
//! over an algorithm of [`algorithms`] and keeps everything in a run directory ([`store`]); what comes out is a
//! [`result`], and what is told on the way follows [`monitoring`]. What a run will use can be predicted ([`plan`]), and
//! what it learned can help later ones ([`experience`]). What is optimised is a compound system ([`system`]), a program in
//! any language, or the built-in [`simulated`] one.

pub mod algorithms;
pub mod checkpoint;
pub mod compose;
pub mod config;
mod draws;
mod error;
pub mod experience;
pub mod monitoring;
mod orchestrator;
pub mod plan;
pub mod posterior;
pub mod proposers;
pub mod result;
pub mod run;
pub mod session;
pub mod simulated;
pub mod store;
pub mod system;

pub use error::Error;
pub use orchestrator::{Allowance, MetaOrchestrator, OptimizationMetrics};
