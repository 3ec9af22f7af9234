/// The split-conformal quantile: with probability at least `1 - alpha` the score of one more problem, exchangeable with
/// these, is not above it (Vovk, Gammerman, Shafer 2005). Infinite when there are too few problems to say.
pub(super) fn quantile(scores: &[f64], alpha: f64) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((scores.len() + 1) as f64 * (1.0 - alpha)).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}

/// The least score below or at which lies at least `level` of all weight, where weight that is missing to 1 lies at
/// infinity. Infinite when the weight there is does not suffice.
pub(super) fn weighted_quantile(scores: &mut [(f64, f64)], level: f64) -> f64 {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    for (score, weight) in scores {
        sum += *weight;
        if sum >= level - 1e-12 {
            return *score;
        }
    }
    f64::INFINITY
}

/// The quantile of residuals at `level`, by linear interpolation; 0 without residuals.
pub(super) fn percentile(residuals: &[f64], level: f64) -> f64 {
    let mut sorted = residuals.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = level.clamp(0.0, 1.0) * last as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    sorted[low] + share * (sorted[(low + 1).min(last)] - sorted[low])
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary or compared with their own formula")]
mod tests {
    use super::*;

    #[test]
    fn nine_problems_are_the_fewest_for_a_tenth() {
        let scores: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(quantile(&scores, 0.1), 9.0);
        assert_eq!(quantile(&scores[..8], 0.1), f64::INFINITY);
        let scores: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(quantile(&scores, 0.1), 18.0);
        assert_eq!(quantile(&[], 0.1), f64::INFINITY);
        let mut weighted = [(2.0, 0.25), (1.0, 0.5), (3.0, 0.125)];
        assert_eq!(weighted_quantile(&mut weighted, 0.75), 2.0);
        assert_eq!(weighted_quantile(&mut weighted, 0.8), 3.0);
        assert_eq!(weighted_quantile(&mut weighted, 0.9), f64::INFINITY);
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.25), 1.5);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
