//! Real tasks: folders of examples, a model, and what searches make of a plain system.

mod compare;
mod run;
mod task;

pub use compare::{Comparison, Gain, compare};
pub use run::{Finished, Row, measure};
pub use task::{Arm, Task};
