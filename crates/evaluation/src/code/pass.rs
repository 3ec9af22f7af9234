use crate::EvaluationError;

/// pass@k: the chance that at least one of `k` samples is right, estimated without bias from `n` samples of which
/// `right` are.
///
/// `1 - C(n - right, k) / C(n, k)`, in [0, 1], as a product that neither overflows nor cancels. Over several problems
/// take the mean. Source: Chen et al. 2021, equation 1.
///
/// ```
/// assert!((evaluation::pass_at_k(10, 3, 1)? - 0.3).abs() < 1e-12);
/// assert!((evaluation::pass_at_k(4, 2, 2)? - 5.0 / 6.0).abs() < 1e-12);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] unless `right <= n` and `1 <= k <= n`.
pub fn pass_at_k(n: u64, right: u64, k: u64) -> Result<f64, EvaluationError> {
    if right > n || k == 0 || k > n {
        let message = format!("n = {n}, right = {right}, k = {k}. Allowed: right <= n, 1 <= k <= n");
        return Err(EvaluationError::Undefined { statistic: "pass@k", message });
    }
    if n - right < k {
        return Ok(1.0);
    }
    let none: f64 = (n - right + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product();
    Ok(1.0 - none)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The share of all ways to draw `k` of `n` that hold a right one, counted one by one.
    fn counted(n: u32, right: u32, k: u32) -> f64 {
        let draws = (0_u32..1 << n).filter(|draw| draw.count_ones() == k);
        let (mut all, mut hit) = (0_u32, 0_u32);
        for draw in draws {
            all += 1;
            hit += u32::from(draw & ((1 << right) - 1) != 0);
        }
        f64::from(hit) / f64::from(all)
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_draws_with_a_right_one(n in 1..=10_u32, a in 0..=10_u32, b in 1..=10_u32) {
            let (right, k) = (a.min(n), b.min(n));
            let estimate = pass_at_k(n.into(), right.into(), k.into()).unwrap();
            prop_assert!((estimate - counted(n, right, k)).abs() < 1e-12);
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for (n, right, k) in [(1, 2, 1), (5, 1, 0), (5, 1, 6), (0, 0, 1)] {
            assert!(pass_at_k(n, right, k).is_err());
        }
        assert!(pass_at_k(100_000, 1, 50_000).unwrap() > 0.49);
    }
}
