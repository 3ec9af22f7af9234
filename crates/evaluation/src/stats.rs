//! Statistics for scores: how large, how sure, better than what.
//!
//! Randomness comes from the [`Stream`](meta_traits::Stream) given: the same values and stream give the same bits.
//! Cases in which a figure has no meaning are errors that say so; nothing returns NaN.
//!
//! | question | answer |
//! |---|---|
//! | how sure is a mean score? | [`Bootstrap::mean_interval`]; [`wilson`] for a share; [`Bootstrap::clustered_mean_interval`] for dependent examples |
//! | do two arms differ on the same examples? | [`paired_permutation`] (means), [`mcnemar_exact`] (0/1), [`wilcoxon`] (ranks: a few large differences do not decide) |
//! | by how much? | [`paired_effect`], [`hodges_lehmann_paired`]; on separate examples [`cliffs_delta`], [`hodges_lehmann`], [`odds_ratio`] |
//! | many tests at once? | [`corrected`] |
//! | how good is the best of many really? | [`Shrinkage::winner`] |
//! | is a label task learnt at all? | [`majority_baseline`], [`balanced_accuracy`], [`Confusion`] |
//! | which program is faster, which solver best? | [`Bootstrap::ratio_of_medians_interval`], [`PerformanceProfile`] |
//!
//! Degenerate inputs:
//!
//! | input | [`Bootstrap::mean_interval`] | [`paired_permutation`] | [`mcnemar_exact`] | [`wilson`] |
//! |---|---|---|---|---|
//! | nothing | error | error | p = 1 | error |
//! | one value | error: one value has no spread | p = 1 | p = 1 | interval |
//! | all equal | the point: resampling sees no spread; use [`wilson`] for 0/1 scores | p = 1 when all differences are 0 | | interval |
//! | NaN or infinite | error | error | | |
//!
//! ```
//! use evaluation::stats::{Bootstrap, mcnemar_exact, paired_permutation, wilson};
//! use meta_traits::Stream;
//!
//! let seed = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
//! let best = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
//! let test = paired_permutation(&best, &seed, 10_000, &Stream::root(1))?;
//! assert_eq!((test.difference, test.p), (0.5, 0.125));
//! assert_eq!(mcnemar_exact(4, 0), 0.125);
//! assert!(wilson(7, 8, 0.95)?.contains(0.875));
//! let interval = Bootstrap::default().mean_interval(&best, &Stream::root(1))?;
//! assert!(interval.low < 0.875 && 0.875 < interval.high);
//! # Ok::<(), evaluation::EvaluationError>(())
//! ```

use serde::Serialize;

use crate::EvaluationError;

mod bootstrap;
mod classes;
mod effect;
mod mcnemar;
mod multiple;
mod permutation;
mod profile;
mod wilcoxon;
mod wilson;
mod winner;

pub use bootstrap::{Bootstrap, Method};
pub use classes::{Confusion, Majority, balanced_accuracy, majority_baseline};
pub use effect::{
    PairedEffect, cliffs_delta, hodges_lehmann, hodges_lehmann_paired, odds_ratio, paired_effect,
};
pub use mcnemar::{mcnemar_exact, mcnemar_of};
pub use multiple::{Correction, corrected};
pub use permutation::{PairedTest, paired_permutation};
pub use profile::PerformanceProfile;
pub use wilcoxon::{SignedRank, Zeros, wilcoxon};
pub use wilson::wilson;
pub use winner::{Shrinkage, Winner};

/// An estimate and the bounds around it: `low <= estimate <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Intended coverage, in (0, 1).
    pub level: f64,
}

impl Interval {
    /// An interval; bounds that miss the estimate are moved to it.
    fn around(estimate: f64, low: f64, high: f64, level: f64) -> Self {
        Self { estimate, low: low.min(estimate), high: high.max(estimate), level }
    }

    /// Whether `x` lies between the bounds, bounds included.
    pub fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }
}

fn undefined<T>(statistic: &'static str, message: impl Into<String>) -> Result<T, EvaluationError> {
    Err(EvaluationError::Undefined { statistic, message: message.into() })
}

fn finite(statistic: &'static str, values: &[f64]) -> Result<(), EvaluationError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => {
            undefined(statistic, format!("value {at} is {}. Leave out failed evaluations", values[at]))
        }
        None => Ok(()),
    }
}

/// `a - b` of arms with a score each for the same examples, at least `least` of them.
fn paired_differences(
    statistic: &'static str,
    a: &[f64],
    b: &[f64],
    least: usize,
) -> Result<Vec<f64>, EvaluationError> {
    if a.len() != b.len() || a.len() < least {
        let (a, b) = (a.len(), b.len());
        let message = format!("the arms hold {a} and {b} scores. Needed: as many in both, at least {least}");
        return undefined(statistic, message);
    }
    finite(statistic, a)?;
    finite(statistic, b)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    // Finite values may be too far apart for their difference.
    finite(statistic, &differences)?;
    Ok(differences)
}

fn level_in_range(statistic: &'static str, level: f64) -> Result<(), EvaluationError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    undefined(statistic, format!("the level is {level}. Allowed: above 0, below 1, such as 0.95"))
}

/// The mean, added up from first to last.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
