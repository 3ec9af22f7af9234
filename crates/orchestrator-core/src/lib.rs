//! Placeholder.
pub mod simulated;
