//! Integration tests of the composition.
mod resume;
mod simulated;
mod system;
mod toy;
