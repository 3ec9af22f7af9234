use meta_traits::Stream;

use super::{Bootstrap, NAME, quantile};
use crate::EvaluationError;
use crate::stats::{Interval, finite, undefined};

impl Bootstrap {
    /// The interval of median(`above`) / median(`below`) for two independent samples of positive values, such as times
    /// of two programs.
    ///
    /// Both samples are resampled. The bounds are plain quantiles whatever [`Method`](super::Method) is set: leaving
    /// out one value says little of a median (Efron & Tibshirani 1993, section 11.6), so BCa has no acceleration for
    /// it. O((n + m) x resamples).
    ///
    /// ```
    /// use evaluation::stats::Bootstrap;
    /// use meta_traits::Stream;
    /// let (old, new) = ([10.1, 9.9, 10.4, 10.0, 30.0], [5.0, 5.2, 4.9, 5.1, 5.0]);
    /// let speedup = Bootstrap::default().ratio_of_medians_interval(&old, &new, &Stream::root(1))?;
    /// assert_eq!(speedup.estimate, 10.1 / 5.0);
    /// assert!(speedup.low > 1.9);
    /// # Ok::<(), evaluation::EvaluationError>(())
    /// ```
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] for fewer than two values in a sample, values that are not positive and finite,
    /// no resamples, or a level outside (0, 1).
    pub fn ratio_of_medians_interval(
        &self,
        above: &[f64],
        below: &[f64],
        rng: &Stream,
    ) -> Result<Interval, EvaluationError> {
        for values in [above, below] {
            finite(NAME, values)?;
            if values.len() < 2 {
                return undefined(NAME, format!("{} value has no spread. Needed: at least 2", values.len()));
            }
            if let Some(v) = values.iter().find(|v| **v <= 0.0) {
                return undefined(NAME, format!("a ratio with {v}. Needed: positive values, such as times"));
            }
        }
        self.check()?;
        let mut rng = rng.child("ratio_of_medians", 0);
        let (mut a, mut b) = (above.to_vec(), below.to_vec());
        let estimate = median(&mut a) / median(&mut b);
        let mut ratios: Vec<f64> = (0..self.resamples)
            .map(|_| {
                a.fill_with(|| above[rng.below(above.len())]);
                b.fill_with(|| below[rng.below(below.len())]);
                median(&mut a) / median(&mut b)
            })
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Ok(Interval::around(estimate, quantile(&ratios, tail), quantile(&ratios, 1.0 - tail), self.level))
    }
}

/// The middle value, or the mean of the two; reorders `values`, which must not be empty.
fn median(values: &mut [f64]) -> f64 {
    let (even, middle) = (values.len().is_multiple_of(2), values.len() / 2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return *upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    f64::midpoint(lower, *upper)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
    }

    #[test]
    fn only_positive_samples_have_a_ratio() {
        let interval =
            |a: &[f64], b: &[f64]| Bootstrap::default().ratio_of_medians_interval(a, b, &Stream::root(1));
        for (a, b) in
            [(&[1.0][..], &[1.0, 2.0][..]), (&[1.0, 0.0], &[1.0, 2.0]), (&[1.0, 2.0], &[1.0, f64::NAN])]
        {
            assert!(interval(a, b).is_err(), "{a:?} {b:?}");
        }
        let same = interval(&[2.0, 2.0], &[1.0, 1.0]).unwrap();
        assert_eq!((same.low, same.estimate, same.high), (2.0, 2.0, 2.0));
    }
}
