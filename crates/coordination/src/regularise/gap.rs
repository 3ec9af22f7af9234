use serde::{Deserialize, Serialize};

/// By how much scores on domains learnt from are above those on held-out ones.
///
/// ```
/// use coordination::regularise::Gap;
/// let gap = Gap::between(&[0.9, 0.8], &[0.6, 0.5]).unwrap();
/// assert!((gap.mean - 0.3).abs() < 1e-12 && (gap.standard_error - 0.005_f64.sqrt()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// Mean training score less mean held-out score.
    pub mean: f64,
    /// Standard error of that, domains being the sample (Welch); 0 with one domain of each kind.
    pub standard_error: f64,
}

impl Gap {
    /// The gap between scores of domains; `None` unless there are both.
    pub fn between(training: &[f64], held_out: &[f64]) -> Option<Self> {
        let ((a, va), (b, vb)) = (mean_and_variance(training)?, mean_and_variance(held_out)?);
        let standard_error = (va / training.len() as f64 + vb / held_out.len() as f64).sqrt();
        Some(Self { mean: a - b, standard_error })
    }
}

/// Mean and unbiased variance; the variance of one value counts as 0. `None` without values.
pub(super) fn mean_and_variance(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    Some((mean, squares / (n - 1.0).max(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_both_kinds() {
        assert_eq!(Gap::between(&[], &[1.0]), None);
        assert_eq!(Gap::between(&[1.0], &[]), None);
        let one = Gap::between(&[1.0], &[0.25]).unwrap();
        assert!((one.mean - 0.75).abs() < 1e-12 && one.standard_error.abs() < 1e-12);
        assert_eq!(mean_and_variance(&[1.0, 2.0, 3.0]), Some((2.0, 1.0)));
    }
}
