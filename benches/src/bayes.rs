//! Hyperparameter search on functions with known optima; `--bin bayes` says what is measured.

mod functions;
mod regret;
mod space;
mod tasks;

pub use functions::{FUNCTIONS, FURTHER, Function, Input, Noise};
pub use regret::{INITIAL, RegretRow, RegretSummary, drive, median, regret};
pub use space::{point, space};
pub use tasks::{LEVELS, Task};
