//! The noiseless BBOB functions f1 to f24 and a portfolio of optimisers that can be switched between on them.
//!
//! Functions: Hansen, Finck, Ros, Auger, "Real-parameter black-box optimization benchmarking 2009: noiseless functions
//! definitions", RR-6829. Instances are those of 2009: a test compares 216 values with the reference implementation.

mod blend;
mod core;
mod instance;
mod problem;
mod step;

pub use blend::Blend;
pub use problem::Problem;
