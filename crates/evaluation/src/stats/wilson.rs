use statrs::distribution::{ContinuousCDF, Normal};

use super::{Interval, level_in_range, undefined};
use crate::EvaluationError;

/// Wilson's score interval for a share (Wilson 1927, without continuity correction).
///
/// Right for 0/1 scores, also when all are equal. `level` is the coverage, such as 0.95.
///
/// # Errors
/// [`EvaluationError::Undefined`] without trials, for more successes than trials, or for a level outside (0, 1).
pub fn wilson(successes: u64, trials: u64, level: f64) -> Result<Interval, EvaluationError> {
    const NAME: &str = "Wilson interval";
    level_in_range(NAME, level)?;
    if trials == 0 || successes > trials {
        return undefined(
            NAME,
            format!("{successes} successes of {trials}. Needed: 0 <= successes <= trials, trials >= 1"),
        );
    }
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Ok(Interval::around(p, (centre - half).max(0.0), (centre + half).min(1.0), level))
}
