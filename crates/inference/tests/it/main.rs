//! Integration tests of the crate, one module a subject.

#[cfg(feature = "embedded")]
mod embedded;
