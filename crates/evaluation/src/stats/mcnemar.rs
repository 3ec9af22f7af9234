/// The two-sided exact McNemar test: `a_only` examples passed by the first arm alone, `b_only` by the second alone.
///
/// p = min(1, 2 P(X <= min(a_only, b_only))) with X binomial over the discordant examples at 1/2; in (0, 1], 1 without
/// discordant examples. Symmetric in its arguments. O(min(a_only, b_only)).
pub fn mcnemar_exact(a_only: u64, b_only: u64) -> f64 {
    let (k, n) = (a_only.min(b_only), a_only.saturating_add(b_only));
    // C(n, k) / 2^n with the halvings spread over the factors, so that nothing over- or underflows on the way.
    let (mut term, mut halvings) = (1.0_f64, n);
    for i in 1..=k {
        term *= (n - k + i) as f64 / i as f64;
        while term > 1.0 && halvings > 0 {
            term *= 0.5;
            halvings -= 1;
        }
    }
    term *= 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX));
    let mut sum = term;
    for i in (1..=k).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        sum += term;
        if term < sum * f64::EPSILON * 1e-3 {
            break;
        }
    }
    (2.0 * sum).clamp(f64::MIN_POSITIVE, 1.0)
}

/// [`mcnemar_exact`] of two arms' verdicts on the same examples, in the same order; a missing partner is skipped.
pub fn mcnemar_of(a: &[bool], b: &[bool]) -> f64 {
    let count = |first: bool| a.iter().zip(b).filter(|(a, b)| **a == first && **b != first).count() as u64;
    mcnemar_exact(count(true), count(false))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        assert_eq!(mcnemar_exact(0, 0), 1.0);
        assert_eq!(mcnemar_exact(1, 0), 1.0);
        assert_eq!(mcnemar_exact(0, 5), 2.0 / 32.0);
        assert_eq!(mcnemar_exact(1, 5), 2.0 * 7.0 / 64.0);
        assert_eq!(mcnemar_exact(3, 3), 1.0);
    }

    #[test]
    fn huge_counts_stay_positive() {
        assert!(mcnemar_exact(0, 100_000) > 0.0);
        assert_eq!(mcnemar_exact(500_000, 500_000), 1.0);
    }

    #[test]
    fn verdicts_are_counted_where_they_differ() {
        let (a, b) = ([true, true, false, true, true], [true, false, true, false, false]);
        assert_eq!(mcnemar_of(&a, &b), mcnemar_exact(3, 1));
    }
}
