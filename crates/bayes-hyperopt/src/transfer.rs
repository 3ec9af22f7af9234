//! What earlier searches teach a new one, and a guard against those that mislead.

mod aligned;
mod library;
mod portfolio;
mod stacked;
mod strategy;
mod weights;

pub use library::{Context, Experience, Library};
pub use strategy::Transfer;
