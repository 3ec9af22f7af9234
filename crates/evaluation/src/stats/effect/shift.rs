use super::{two_arms, undefined};
use crate::EvaluationError;
use crate::stats::paired_differences;

/// The Hodges-Lehmann shift (1963) of two independent samples: the median of all differences a - b.
///
/// Says by how much `a` lies above `b` without being moved by a few extreme values. Exact in O((n + m) log(n + m)):
/// the median is found by bisecting over the floats, never listing the n x m differences.
///
/// ```
/// use evaluation::stats::hodges_lehmann;
/// assert_eq!(hodges_lehmann(&[3.0, 4.0, 100.0], &[1.0, 2.0, 3.0])?, 2.0);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for an empty sample, or values that are not finite.
pub fn hodges_lehmann(a: &[f64], b: &[f64]) -> Result<f64, EvaluationError> {
    const NAME: &str = "Hodges-Lehmann shift";
    two_arms(NAME, a, b)?;
    let (a, b) = (sorted(a), sorted(b));
    let range = (a[0] - b[b.len() - 1], a[a.len() - 1] - b[0]);
    if !(range.0.is_finite() && range.1.is_finite()) {
        return undefined(NAME, "the values are too far apart for their differences to be finite");
    }
    // As `a` grows, so does the first place in `b` from which on a - b <= x.
    let up_to = |x: f64| -> u64 {
        let mut from = 0;
        let mut count = 0;
        for a in &a {
            while from < b.len() && a - b[from] > x {
                from += 1;
            }
            count += (b.len() - from) as u64;
        }
        count
    };
    Ok(median(range, a.len() as u64 * b.len() as u64, up_to))
}

/// The Hodges-Lehmann estimate of the centre of the differences a - b on the same examples: the median of the means of
/// all pairs of differences, each with itself included.
///
/// The estimate that belongs to the [signed-rank test](crate::stats::wilcoxon). Exact, O(n log n).
///
/// ```
/// use evaluation::stats::hodges_lehmann_paired;
/// assert_eq!(hodges_lehmann_paired(&[1.0, 2.0, 9.0], &[0.0, 0.0, 0.0])?, 3.5);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] without pairs, for arms of unequal length, or for values that are not finite.
pub fn hodges_lehmann_paired(a: &[f64], b: &[f64]) -> Result<f64, EvaluationError> {
    let d = sorted(&paired_differences("paired Hodges-Lehmann shift", a, b, 1)?);
    let n = d.len();
    // Pairs i <= j whose mean is at most x: as i grows, the last such j falls.
    let up_to = |x: f64| -> u64 {
        let mut end = n;
        let mut count = 0;
        for i in 0..n {
            while end > i && f64::midpoint(d[i], d[end - 1]) > x {
                end -= 1;
            }
            count += (end - i.min(end)) as u64;
        }
        count
    };
    Ok(median((d[0], d[n - 1]), (n as u64) * (n as u64 + 1) / 2, up_to))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    out.sort_unstable_by(f64::total_cmp);
    out
}

/// The median of `count` values in `range`, of which `up_to(x)` are at most x.
fn median(range: (f64, f64), count: u64, up_to: impl Fn(f64) -> u64) -> f64 {
    let low = nth(range, count.div_ceil(2), &up_to);
    if !count.is_multiple_of(2) || up_to(low) > count / 2 {
        return low;
    }
    f64::midpoint(low, nth((low, range.1), count / 2 + 1, &up_to))
}

/// The least float x with at least `n` values up to it: 64 halvings over the ordered floats.
fn nth(range: (f64, f64), n: u64, up_to: impl Fn(f64) -> u64) -> f64 {
    let (mut low, mut high) = (rank_of(range.0), rank_of(range.1));
    while low < high {
        let middle = low + (high - low) / 2;
        if up_to(at_rank(middle)) >= n {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    // Minus zero, should it come out, becomes zero.
    at_rank(low) + 0.0
}

/// The place of `x` among all floats.
fn rank_of(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

fn at_rank(rank: u64) -> f64 {
    f64::from_bits(if rank >> 63 == 1 { rank & !(1 << 63) } else { !rank })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the search is exact")]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn ranks_of_floats_keep_their_order() {
        let floats = [f64::MIN, -1.5, -1e-300, -0.0, 0.0, 1e-300, 1.0, f64::MAX];
        assert!(floats.windows(2).all(|w| rank_of(w[0]) < rank_of(w[1])));
        assert!(floats.iter().all(|x| at_rank(rank_of(*x)).to_bits() == x.to_bits()));
    }

    #[test]
    fn medians_are_those_of_the_whole_list() {
        let mut rng = Stream::root(11);
        for round in 0..60 {
            let (n, m) = (1 + rng.below(9), 1 + rng.below(9));
            let coarse = round % 2 == 0;
            let mut draw = |n: usize| -> Vec<f64> {
                let one = |r: f64| if coarse { (r * 5.0).floor() / 4.0 } else { r * 20.0 - 10.0 };
                (0..n).map(|_| one(rng.unit())).collect()
            };
            let (a, b, c) = (draw(n), draw(m), draw(n));
            let mut all: Vec<f64> = a.iter().flat_map(|a| b.iter().map(move |b| a - b)).collect();
            assert_eq!(hodges_lehmann(&a, &b).unwrap(), listed(&mut all));
            let d: Vec<f64> = a.iter().zip(&c).map(|(a, c)| a - c).collect();
            let mut means: Vec<f64> = (0..n)
                .flat_map(|i| (i..n).map(move |j| (i, j)))
                .map(|(i, j)| f64::midpoint(d[i], d[j]))
                .collect();
            assert_eq!(hodges_lehmann_paired(&a, &c).unwrap(), listed(&mut means));
        }
    }

    fn listed(values: &mut [f64]) -> f64 {
        values.sort_unstable_by(f64::total_cmp);
        let n = values.len();
        f64::midpoint(values[(n - 1) / 2], values[n / 2])
    }

    #[test]
    fn degenerate_arms() {
        assert!(hodges_lehmann(&[], &[1.0]).is_err() && hodges_lehmann(&[f64::MAX], &[f64::MIN]).is_err());
        assert!(hodges_lehmann_paired(&[1.0], &[1.0, 2.0]).is_err());
        assert_eq!(hodges_lehmann_paired(&[1.0], &[1.0]).unwrap(), 0.0);
    }
}
