//! Search with several objectives: fronts, volumes, and the improvement expected of them.

mod boxes;
mod front;
mod improvement;
mod optimizer;
mod volume;

pub use front::{dominates, front};
pub use optimizer::{ParetoOptimizer, ParetoState};
pub use volume::hypervolume;
