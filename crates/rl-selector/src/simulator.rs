//! Exact replay of any selector over stored traces.
//!
//! When algorithms resume their own state and share nothing, spending `n_k` evaluations on algorithm `k` leaves the best
//! of the first `n_k` losses of each trace, whatever the order. So the traces of every algorithm alone score every
//! policy exactly, in microseconds, and say what every other choice would have brought: full-information labels.

mod commit;
mod domains;
mod episode;
mod replay;
mod split;

pub(crate) use commit::{Chooser, Conduct, collect, open, single};
pub use commit::{Rows, Simulation, TrainingConfig};
pub use domains::across_problems;
pub use episode::Episode;
pub use replay::{Case, Played, Replay, SimulatorError, Yardstick};
pub use split::{Fold, leave_instances_out, leave_problems_out};
