//! Integration tests of `evaluation`, one binary.

mod dataset;
