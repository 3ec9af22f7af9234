use crate::EvaluationError;

/// Cliff's delta: P(a > b) - P(a < b) for a draw from each of two independent samples, in [-1, 1] (Cliff 1993).
///
/// Uses the order of values alone; 0 for equal distributions, 1 when every `a` is above every `b`. As magnitudes 0.15,
/// 0.33 and 0.47 are often read as small, medium and large (Romano et al. 2006). O((n + m) log m).
///
/// ```
/// use evaluation::stats::cliffs_delta;
/// assert_eq!(cliffs_delta(&[3.0, 4.0], &[1.0, 3.0])?, 0.75);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for an empty sample or values that are not finite.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Result<f64, EvaluationError> {
    super::two_arms("Cliff's delta", a, b)?;
    let mut sorted = b.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let wins: i128 = a
        .iter()
        .map(|a| {
            let below = sorted.partition_point(|b| b < a);
            let up_to = sorted.partition_point(|b| b <= a);
            below as i128 - (sorted.len() - up_to) as i128
        })
        .sum();
    Ok(wins as f64 / (a.len() as f64 * b.len() as f64))
}
