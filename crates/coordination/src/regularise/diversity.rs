/// How evenly choices are spread: Shannon's entropy of their shares by that of equal shares, 0 to 1.
///
/// One kind alone has none; with fewer than two kinds to choose from, or no choice made yet, it is 1: nothing is wrong.
///
/// ```
/// use coordination::regularise::entropy;
/// assert_eq!(entropy(&[5, 5]), 1.0);
/// assert_eq!(entropy(&[9, 0, 0]), 0.0);
/// ```
pub fn entropy(counts: &[u64]) -> f64 {
    let total: f64 = counts.iter().map(|n| *n as f64).sum();
    if counts.len() < 2 || total == 0.0 {
        return 1.0;
    }
    let part = |n: &u64| {
        let share = *n as f64 / total;
        if share > 0.0 { -share * share.ln() } else { 0.0 }
    };
    (counts.iter().map(part).sum::<f64>() / (counts.len() as f64).ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_edges() {
        for (counts, expected) in [
            (&[] as &[u64], 1.0),
            (&[3], 1.0),
            (&[0, 0], 1.0),
            (&[7, 7, 7, 7], 1.0),
            (&[1, 1, 0, 0], 0.5),
            (&[u64::MAX, u64::MAX], 1.0),
            // -(0.9 ln 0.9 + 0.1 ln 0.1) / ln 2
            (&[9, 1], 0.468_995_593_589_281_2),
        ] {
            let found = entropy(counts);
            assert!((found - expected).abs() < 1e-12, "{counts:?}: {found}");
        }
    }
}
