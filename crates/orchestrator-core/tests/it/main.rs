//! Integration tests of the composition.
mod resume;
mod toy;
