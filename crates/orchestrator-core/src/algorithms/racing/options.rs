use evaluation::race::Prior;
use serde::{Deserialize, Serialize};

/// Settings of [`Racing`](super::Racing). The defaults were chosen on simulated instances below 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Examples a block; at least 1.
    pub block: usize,
    /// Blocks the seed meets first; at least 1.
    pub first: usize,
    /// New texts a round, in different components; at least 1.
    pub fresh: usize,
    /// Most blocks without a new text between two with.
    pub patience: u64,
    /// Most failures shown to the proposer, all with the same complaint.
    pub evidence: usize,
    /// Standard deviations below its mean that a recommendation is judged by.
    pub caution: f64,
    /// Share of the choice of examples that is uniform; in [0, 1].
    pub floor: f64,
    /// A complaint heard n times is shown with weight n to this power.
    pub power: f64,
    /// The probability that the leader's text is rewritten and not the drawn combination's.
    pub loyal: f64,
    /// What is believed before any result.
    pub prior: Prior,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block: 8,
            first: 2,
            fresh: 2,
            patience: 4,
            evidence: 3,
            caution: 1.0,
            floor: 0.2,
            power: 2.0,
            loyal: 0.7,
            prior: Prior::default(),
        }
    }
}
