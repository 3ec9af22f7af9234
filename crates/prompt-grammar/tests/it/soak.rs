//! How often long loops go round.

/// What `METAORCH_SOAK_N` says, else `usual`.
#[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
pub(crate) fn loops(usual: u64) -> u64 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}
