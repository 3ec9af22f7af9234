use alloc::string::String;
use core::fmt;

/// A law that an implementation breaks, and how it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The name of the law, one of the `*_LAWS` tables.
    pub law: &'static str,
    /// What was done, what came of it, and what should have.
    pub detail: String,
}

impl Violation {
    pub(super) fn new(law: &'static str, detail: impl Into<String>) -> Self {
        Self { law, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law '{}' is broken: {}", self.law, self.detail)
    }
}

impl core::error::Error for Violation {}

/// Panics with the violation, at the place of the caller's test.
#[track_caller]
#[expect(clippy::panic, reason = "the check_* functions are test assertions")]
pub(super) fn assert_held(held: Result<(), Violation>) {
    if let Err(violation) = held {
        panic!("{violation}");
    }
}
