//! Hyperparameter search on functions with known optima; `--bin bayes` says what is measured.

mod cost;
mod fidelity;
mod functions;
mod latency;
mod regret;
mod space;
mod tasks;
mod transfer;
mod worse;

pub use cost::{CostArgs, run as run_cost};
pub use fidelity::{FidelityArgs, FidelityRow, Method, run as run_fidelity, search};
pub use functions::{FUNCTIONS, FURTHER, Function, Input, Noise};
pub use latency::{LatencySummary, ask_peers};
pub use regret::{INITIAL, RegretRow, RegretSummary, drive, median, random_regret, regret};
pub use space::{point, space};
pub use tasks::{LEVELS, Task};
pub use transfer::{TransferArgs, run as run_transfer};
pub use worse::{WorseArgs, run as run_worse};
