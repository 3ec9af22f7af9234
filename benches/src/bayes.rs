//! Hyperparameter search on functions with known optima; `--bin bayes` says what is measured.

mod functions;
mod tasks;

pub use functions::{FUNCTIONS, FURTHER, Function, Input, Noise};
pub use tasks::{LEVELS, Task};
