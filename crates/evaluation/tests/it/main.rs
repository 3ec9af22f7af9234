//! Integration tests of `evaluation`, one binary.
#![expect(clippy::float_cmp, reason = "scores are exact in binary, or must agree bit for bit")]

mod comparisons;
mod dataset;
mod divide;
mod external;
mod fuzz;
mod metrics;
mod properties;
mod race;
mod stats;
mod tables;
mod tasks;
mod winner;
