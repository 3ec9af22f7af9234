//! Integration tests of the composition.
mod plan;
mod racing;
mod resume;
mod simulated;
mod system;
mod toy;
