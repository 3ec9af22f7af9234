//! Integration tests of the composition.
mod racing;
mod resume;
mod simulated;
mod system;
mod toy;
