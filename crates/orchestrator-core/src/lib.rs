//! Composes the pillars into one search over prompts, structure and hyperparameters.
//!
//! [`run`] is the loop: it asks an optimizer, has candidates evaluated, records every event and can be resumed bit for
//! bit. [`checkpoint`] shortens resuming, [`store`] is the run directory, [`algorithms`] are what the loop drives,
//! [`simulated`] is a compound system without a model to try them on.

pub mod algorithms;
pub mod checkpoint;
pub mod run;
pub mod simulated;
pub mod store;
pub mod system;
