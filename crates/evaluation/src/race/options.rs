use serde::{Deserialize, Serialize};

use super::Prior;

/// Settings of a [`Race`](super::Race).
///
/// ```
/// use evaluation::race::RaceOptions;
/// let options = RaceOptions { block: 4, ..RaceOptions::default() };
/// assert!(options.drop < options.keep);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RaceOptions {
    /// Examples a block; at least 1.
    pub block: usize,
    /// Blocks in flight: block k is planned from the results of the blocks up to k - `ahead`, whatever came in
    /// since, so that the order of completion decides nothing. At least 1.
    pub ahead: usize,
    /// A candidate is dropped once the probability that it beats the incumbent is below this.
    pub drop: f64,
    /// A candidate is kept once that probability is above this.
    pub keep: f64,
    /// Examples a candidate must have met before it may be kept.
    pub least: usize,
    /// Most results of one candidate on one example; more than 1 only helps where evaluators are noisy.
    pub repeats: u32,
    /// Share of the choice of examples that is uniform; 1 makes it uniform throughout. At least 0.2, so that the mean
    /// can be estimated without bias.
    pub floor: f64,
    /// The false discovery rate of claims.
    pub alpha: f64,
    /// Most metric calls; no block is asked for that would pass it.
    pub budget: Option<u64>,
    /// Examples that a candidate must not fail where the incumbent passes; met first.
    pub anchors: Vec<usize>,
    /// The score from which an anchor counts as passed.
    pub pass: f64,
    /// What is believed before any result.
    pub prior: Prior,
}

impl Default for RaceOptions {
    fn default() -> Self {
        Self {
            block: 5,
            ahead: 1,
            drop: 0.25,
            keep: 0.95,
            least: 20,
            repeats: 1,
            floor: 1.0,
            alpha: 0.05,
            budget: None,
            anchors: Vec::new(),
            pass: 0.5,
            prior: Prior { own: 0.4, ..Prior::default() },
        }
    }
}
