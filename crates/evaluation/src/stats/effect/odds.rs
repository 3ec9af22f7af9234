use statrs::distribution::{ContinuousCDF, Normal};

use super::undefined;
use crate::EvaluationError;
use crate::stats::{Interval, level_in_range};

/// The odds ratio of passing in two independent arms, with Woolf's (1955) interval on the log scale.
///
/// `a` and `b` are (passed, failed) counts; above 1 when `a` passes more. When a count is 0, 0.5 is added to all four
/// (Haldane 1956, Anscombe 1956). For two arms on the *same* examples use
/// [`mcnemar_exact`](crate::stats::mcnemar_exact).
///
/// ```
/// use evaluation::stats::odds_ratio;
/// let ratio = odds_ratio((30, 10), (20, 20), 0.95)?;
/// assert!((ratio.estimate - 3.0).abs() < 1e-12 && ratio.low > 1.0);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for an arm without examples, or a level outside (0, 1).
pub fn odds_ratio(a: (u64, u64), b: (u64, u64), level: f64) -> Result<Interval, EvaluationError> {
    const NAME: &str = "odds ratio";
    level_in_range(NAME, level)?;
    if a == (0, 0) || b == (0, 0) {
        return undefined(NAME, "an arm has no example. Needed: at least 1 in both");
    }
    let counts = [a.0, a.1, b.0, b.1];
    let add = if counts.contains(&0) { 0.5 } else { 0.0 };
    let [passed_a, failed_a, passed_b, failed_b] = counts.map(|n| n as f64 + add);
    let log = (passed_a / failed_a).ln() - (passed_b / failed_b).ln();
    let error = (1.0 / passed_a + 1.0 / failed_a + 1.0 / passed_b + 1.0 / failed_b).sqrt();
    let half = Normal::standard().inverse_cdf(0.5 + level / 2.0) * error;
    Ok(Interval::around(log.exp(), (log - half).exp(), (log + half).exp(), level))
}
