/// How hard to regularise, 0.1 to 1: `0.1 (1 + progress / 2) (1 + variance)`, at most 1.
///
/// `progress` is the part of the run that is done, 0 to 1; `variance` is that of scores across domains. The longer one has
/// learnt from the same data and the less domains agree, the harder. Numbers out of range count as the nearest in it, NaN
/// as 0.
///
/// ```
/// use coordination::regularise::strength;
/// assert_eq!(strength(0.0, 0.0), 0.1);
/// assert!((strength(1.0, 0.5) - 0.225).abs() < 1e-12);
/// assert_eq!(strength(0.5, 1e9), 1.0);
/// ```
pub fn strength(progress: f64, variance: f64) -> f64 {
    let within = |x: f64, most: f64| if x.is_nan() { 0.0 } else { x.clamp(0.0, most) };
    (0.1 * (1.0 + 0.5 * within(progress, 1.0)) * (1.0 + within(variance, 1e9))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_range_is_the_nearest_in_it() {
        for (progress, variance, expected) in [
            (f64::NAN, f64::NAN, 0.1),
            (-3.0, -1.0, 0.1),
            (7.0, 0.0, 0.15),
            (1.0, 1.0, 0.3),
            (f64::INFINITY, f64::INFINITY, 1.0),
        ] {
            let found = strength(progress, variance);
            assert!((found - expected).abs() < 1e-12, "{progress} {variance}: {found}");
        }
    }
}
