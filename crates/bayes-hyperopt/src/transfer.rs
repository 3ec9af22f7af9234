//! What earlier searches teach a new one, and a guard against those that mislead.

mod ensemble;
mod library;
mod strategy;

pub use library::{Context, Experience, Library};
pub use strategy::Transfer;
