use meta_traits::Stream;
use serde::Serialize;

use super::{mean, paired_differences};
use crate::EvaluationError;

/// Up to so many differences that are not 0, all sign patterns are counted.
const ENUMERATED: usize = 16;

/// What a paired test found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// Mean of the first arm less mean of the second.
    pub difference: f64,
    /// Two-sided p-value, in (0, 1].
    pub p: f64,
    /// Pairs.
    pub n: usize,
    /// Pairs that differ.
    pub n_nonzero: usize,
    /// Whether every sign pattern was counted.
    pub exact: bool,
}

/// The two-sided sign-flip permutation test of equal means on the same examples (Fisher 1935).
///
/// With at most 16 pairs that differ all sign patterns are counted and `p` is exact; else `permutations` patterns are
/// drawn and p = (b + 1) / (m + 1) (Phipson & Smyth 2010), which never is 0 and keeps its level. Swapping the arms
/// changes the sign of the difference and nothing else. O(pairs that differ x patterns).
///
/// # Errors
/// [`EvaluationError::Undefined`] without pairs, for arms of unequal length, or for values that are not finite.
pub fn paired_permutation(
    a: &[f64],
    b: &[f64],
    permutations: u32,
    rng: &Stream,
) -> Result<PairedTest, EvaluationError> {
    const NAME: &str = "paired permutation test";
    let all = paired_differences(NAME, a, b, 1)?;
    let nonzero: Vec<f64> = all.iter().copied().filter(|d| *d != 0.0).collect();
    let scale: f64 = nonzero.iter().map(|d| d.abs()).sum();
    // Sums that differ by rounding alone are equal.
    let reached = nonzero.iter().sum::<f64>().abs() - scale * 1e-12;
    let exact = nonzero.len() <= ENUMERATED;
    let p = if exact {
        let patterns = 1_u64 << nonzero.len();
        let extreme = (0..patterns).filter(|signs| signed_sum(&nonzero, &[*signs]).abs() >= reached).count();
        extreme as f64 / patterns as f64
    } else {
        let mut rng = rng.child("paired_permutation", 0);
        let mut signs = vec![0_u64; nonzero.len().div_ceil(64)];
        let mut extreme = 0_u64;
        for _ in 0..permutations {
            for word in &mut signs {
                *word = rng.bits();
            }
            extreme += u64::from(signed_sum(&nonzero, &signs).abs() >= reached);
        }
        (extreme + 1) as f64 / (f64::from(permutations) + 1.0)
    };
    Ok(PairedTest { difference: mean(&all), p, n: all.len(), n_nonzero: nonzero.len(), exact })
}

/// The sum in which difference `i` is negated where bit `i` is set.
fn signed_sum(differences: &[f64], signs: &[u64]) -> f64 {
    let mut sum = 0.0;
    for (chunk, word) in differences.chunks(64).zip(signs) {
        for (i, d) in chunk.iter().enumerate() {
            sum += if word >> i & 1 == 1 { -d } else { *d };
        }
    }
    sum
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn degenerate_arms() {
        let rng = Stream::root(1);
        let same = paired_permutation(&[0.5, 1.0], &[0.5, 1.0], 10, &rng).unwrap();
        assert_eq!((same.p, same.n_nonzero, same.difference), (1.0, 0, 0.0));
        assert_eq!(paired_permutation(&[1.0], &[0.0], 10, &rng).unwrap().p, 1.0);
        for (a, b) in [(&[][..], &[][..]), (&[1.0], &[]), (&[f64::NAN], &[0.0]), (&[f64::MAX], &[f64::MIN])] {
            assert!(paired_permutation(a, b, 10, &rng).is_err(), "{a:?} {b:?}");
        }
    }

    #[test]
    fn monte_carlo_never_says_zero_and_repeats() {
        let (a, b) = (vec![1.0; 40], vec![0.0; 40]);
        let test = |seed| paired_permutation(&a, &b, 99, &Stream::root(seed)).unwrap();
        assert_eq!(test(1).p, 0.01);
        assert!(!test(1).exact);
        assert_eq!(test(1), test(1));
    }

    #[test]
    fn bits_reach_every_difference() {
        let d: Vec<f64> = (0..70).map(f64::from).collect();
        assert_eq!(signed_sum(&d, &[0, 0]), 2415.0);
        assert_eq!(signed_sum(&d, &[0, 1 << 5]), 2415.0 - 2.0 * 69.0);
    }
}
