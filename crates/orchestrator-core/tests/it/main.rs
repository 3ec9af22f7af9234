//! Integration tests of the composition.
mod joint;
mod plan;
mod racing;
mod resume;
mod simulated;
mod system;
mod toy;
