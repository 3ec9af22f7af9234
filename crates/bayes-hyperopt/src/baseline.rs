//! Searches without a model of the loss, or with a simple one: what a Gaussian process must beat.
//!
//! Each is a [`Strategy`], a rule for what to try next; [`Search`] makes an optimizer of it that keeps the trials.

mod cma_es;
mod grid;
mod normal;
mod random;
mod search;
mod tpe;
mod trials;

pub use cma_es::CmaEs;
pub use grid::Grid;
pub use random::{Even, Random};
pub use search::{Ended, Ending, Search, SearchState, Step, Strategy};
pub use tpe::Tpe;

pub(crate) use normal::{cumulative, draw, truncated};
