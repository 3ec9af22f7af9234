//! Integration tests of `evaluation`, one binary.

mod dataset;
mod external;
mod properties;
mod stats;
