use statrs::distribution::{ContinuousCDF, Normal};

/// The adjusted levels of Efron (1987), equation 6.8, for the tails `tail` and `1 - tail`.
///
/// `sorted` are the resampled estimates, `influence` the jackknife influence of each unit. `None` where the correction
/// is not finite.
pub(super) fn levels(sorted: &[f64], estimate: f64, influence: &[f64], tail: f64) -> Option<(f64, f64)> {
    let normal = Normal::standard();
    let (below, up_to) =
        (sorted.partition_point(|m| *m < estimate) as f64, sorted.partition_point(|m| *m <= estimate) as f64);
    let bias = normal.inverse_cdf((below + up_to) / (2.0 * sorted.len() as f64));
    let (mut squares, mut cubes) = (0.0, 0.0);
    for d in influence {
        squares += d * d;
        cubes += d * d * d;
    }
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    let adjusted = |z: f64| normal.cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let z = normal.inverse_cdf(tail);
    let levels = (adjusted(z), adjusted(-z));
    (bias.is_finite() && levels.0.is_finite() && levels.1.is_finite()).then_some(levels)
}
