//! What a task will use, as quantiles that hold: learnt online for each component.
//!
//! The logarithm of each resource is regressed on features of the task, level and spread apart; the errors that were made
//! in prediction, in units of the spread, become quantiles whose level adapts until they cover as often as they say.
//!
//! **Quantiles serve planning only.** What guards a budget is the enforced cap; see [`crate::budget`].

mod basis;
mod component;
mod conformal;
mod model;
mod ridge;
mod usage;

pub use component::{CostForecast, CostPredictor};
pub use model::{CostModel, Quantiles};
pub use usage::{Resource, Usage};
