//! Integration tests of `evaluation`, one binary.

mod dataset;
mod properties;
mod stats;
