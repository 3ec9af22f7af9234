use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::paired_differences;
use crate::EvaluationError;

/// Up to so many ranked pairs the distribution is counted.
const COUNTED: usize = 50;

/// What becomes of pairs that do not differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Zeros {
    /// They are left out (Wilcoxon 1945).
    #[default]
    Wilcox,
    /// They are ranked with the rest, then left out (Pratt 1959).
    Pratt,
    /// They are ranked, and their ranks shared by both signs.
    Split,
}

/// What a signed-rank test found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SignedRank {
    /// Sum of the ranks of pairs in which the first arm is higher.
    pub w_plus: f64,
    /// Sum of the ranks of pairs in which the second arm is higher.
    pub w_minus: f64,
    /// Two-sided p-value, in (0, 1].
    pub p: f64,
    /// Pairs.
    pub n: usize,
    /// Pairs that differ.
    pub n_nonzero: usize,
    /// Whether the distribution was counted, not approximated.
    pub exact: bool,
}

/// Wilcoxon's signed-rank test: whether the differences of two arms on the same examples lie evenly around 0.
///
/// Equal sizes share the mean of their ranks. With at most 50 ranked pairs the distribution over all signs is counted,
/// given the ranks, ties included, in O(pairs cubed); else the normal approximation with corrected variance for ties
/// and zeros is used, without continuity correction. Both as `scipy.stats.wilcoxon`, which counts with ties up to 13
/// pairs only. For 0/1 scores it is McNemar's test with more words: use [`mcnemar_exact`](super::mcnemar_exact).
///
/// ```
/// use evaluation::stats::{Zeros, wilcoxon};
/// let (a, b) = ([0.9, 0.7, 0.8, 0.6, 0.9, 0.5], [0.5, 0.6, 0.6, 0.7, 0.4, 0.5]);
/// let test = wilcoxon(&a, &b, Zeros::Wilcox)?;
/// assert_eq!((test.n, test.n_nonzero, test.exact), (6, 5, true));
/// assert_eq!(test.w_plus + test.w_minus, 15.0);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] without pairs, for arms of unequal length, or for values that are not finite.
pub fn wilcoxon(a: &[f64], b: &[f64], zeros: Zeros) -> Result<SignedRank, EvaluationError> {
    let mut d = paired_differences("signed-rank test", a, b, 1)?;
    if zeros == Zeros::Wilcox {
        d.retain(|d| *d != 0.0);
    }
    let ranks = Ranks::of(&d);
    let (plus, minus) = (ranks.sum(&d, |d| d > 0.0), ranks.sum(&d, |d| d < 0.0));
    let half = if zeros == Zeros::Split { ranks.sum(&d, |d| d == 0.0) as f64 / 4.0 } else { 0.0 };
    let (w_plus, w_minus) = (plus as f64 / 2.0 + half, minus as f64 / 2.0 + half);
    let exact = d.len() <= COUNTED;
    let p = if exact {
        let moving = ranks.doubled.iter().zip(&d).filter(|(_, d)| **d != 0.0).map(|(r, _)| *r);
        counted(moving, plus.min(minus))
    } else {
        ranks.approximated(w_plus, &d, zeros)
    };
    let n_nonzero = a.iter().zip(b).filter(|(a, b)| *a - *b != 0.0).count();
    Ok(SignedRank { w_plus, w_minus, p, n: a.len(), n_nonzero, exact })
}

/// Ranks of sizes, doubled so that shared ones are whole numbers.
struct Ranks {
    doubled: Vec<usize>,
    /// How many differences share a size, and whether that size is 0.
    ties: Vec<(usize, bool)>,
}

impl Ranks {
    fn of(d: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..d.len()).collect();
        order.sort_by(|&i, &j| d[i].abs().total_cmp(&d[j].abs()));
        let (mut doubled, mut ties) = (vec![0; d.len()], Vec::new());
        for group in order.chunk_by(|&i, &j| d[i].abs().total_cmp(&d[j].abs()).is_eq()) {
            let first: usize = ties.iter().map(|(n, _)| n).sum::<usize>() + 1;
            for &i in group {
                doubled[i] = 2 * first + group.len() - 1;
            }
            ties.push((group.len(), d[group[0]] == 0.0));
        }
        Self { doubled, ties }
    }

    fn sum(&self, d: &[f64], which: impl Fn(f64) -> bool) -> usize {
        self.doubled.iter().zip(d).filter(|(_, d)| which(**d)).map(|(r, _)| r).sum()
    }

    /// Twice the normal tail; zeros after Pratt take Cureton's (1967) mean and variance.
    fn approximated(&self, w_plus: f64, d: &[f64], zeros: Zeros) -> f64 {
        let moments = |n: f64| (n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0));
        let (mut mean, mut variance) = moments(d.len() as f64);
        if zeros == Zeros::Pratt {
            let (less, narrower) = moments(d.iter().filter(|d| **d == 0.0).count() as f64);
            mean -= less;
            variance -= narrower;
        }
        let counts = self.ties.iter().filter(|(_, zero)| !(*zero && zeros == Zeros::Pratt));
        let tied: f64 = counts.map(|(n, _)| (*n as f64).powi(3) - *n as f64).sum();
        let deviation = ((variance - tied / 2.0) / 24.0).sqrt();
        if deviation <= 0.0 {
            return 1.0;
        }
        let z = (w_plus - mean).abs() / deviation;
        (2.0 * Normal::standard().cdf(-z)).clamp(f64::MIN_POSITIVE, 1.0)
    }
}

/// min(1, 2 P(W <= reached)) where each rank is in the sum W with probability 1/2. Counts stay below 2^53: exact.
fn counted(doubled: impl Iterator<Item = usize>, reached: usize) -> f64 {
    let mut ways = vec![0.0_f64; reached + 1];
    ways[0] = 1.0;
    let mut all = 1.0;
    for rank in doubled {
        for sum in (rank..=reached).rev() {
            ways[sum] += ways[sum - rank];
        }
        all *= 2.0;
    }
    (2.0 * ways.iter().sum::<f64>() / all).min(1.0)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        let test = |d: &[f64]| wilcoxon(d, &vec![0.0; d.len()], Zeros::Wilcox).unwrap();
        assert_eq!(test(&[1.0]).p, 1.0);
        assert_eq!(test(&[1.0, 2.0, 3.0]).p, 0.25);
        // Of the 8 sign patterns those with a sum of at most 1 are {} and {1}.
        assert_eq!(test(&[-1.0, 2.0, 3.0]).p, 0.5);
        // Ranks 1.5, 1.5, 3: at most 1.5 are {}, {1.5}, {1.5}.
        assert_eq!(test(&[-1.0, 1.0, 3.0]).p, 0.75);
        assert_eq!(test(&[0.0, 0.0]).p, 1.0);
    }

    #[test]
    fn arms_that_never_differ_or_cannot_be_compared() {
        for zeros in [Zeros::Wilcox, Zeros::Pratt, Zeros::Split] {
            let same = wilcoxon(&[0.5; 60], &[0.5; 60], zeros).unwrap();
            assert_eq!((same.p, same.n_nonzero), (1.0, 0));
        }
        for (a, b) in [(&[][..], &[][..]), (&[1.0], &[]), (&[f64::NAN], &[0.0]), (&[f64::MAX], &[f64::MIN])] {
            assert!(wilcoxon(a, b, Zeros::Wilcox).is_err(), "{a:?} {b:?}");
        }
    }
}
