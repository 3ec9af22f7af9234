//! Integration tests of the composition.
mod plan;
mod resume;
mod simulated;
mod system;
mod toy;
