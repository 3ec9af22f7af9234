use evaluation::race::Prior;
use serde::{Deserialize, Serialize};

/// Settings of [`Racing`](super::Racing).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Examples a block.
    pub block: usize,
    /// Blocks of the seed first.
    pub first: usize,
    /// New versions a round, in different components.
    pub fresh: usize,
    /// Blocks without a new version at most, between two with.
    pub patience: u64,
    /// Failures shown to the proposer.
    pub evidence: usize,
    /// Standard deviations below the mean that a recommendation is judged by.
    pub caution: f64,
    /// Share of uniform choice of examples.
    pub floor: f64,
    /// Power of complaints' frequency.
    pub power: f64,
    /// Probability of rewriting the leader's text instead of the drawn one.
    pub loyal: f64,
    /// Prior.
    pub prior: Prior,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block: 8,
            first: 2,
            fresh: 2,
            patience: 3,
            evidence: 3,
            caution: 1.0,
            floor: 0.2,
            power: 1.0,
            loyal: 0.7,
            prior: Prior::default(),
        }
    }
}
