//! Integration tests of `evaluation`, one binary.
#![expect(clippy::float_cmp, reason = "scores are exact in binary, or must agree bit for bit")]

mod dataset;
mod external;
mod metrics;
mod properties;
mod stats;
mod tasks;
