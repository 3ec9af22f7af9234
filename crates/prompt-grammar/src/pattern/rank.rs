/// Cliff's delta (1993): the chance that a value of `a` is above one of `b`, less the chance that it is below; in
/// [-1, 1], 0 where one is empty. O(n log n).
///
/// ```
/// use prompt_grammar::pattern::cliffs_delta;
/// assert_eq!(cliffs_delta(&[2.0, 3.0], &[1.0, 2.0]), 0.75);
/// ```
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let mut sorted = b.to_vec();
    sorted.sort_by(f64::total_cmp);
    let more = |x: &f64| {
        let below = sorted.partition_point(|y| y < x);
        let above = sorted.len() - sorted.partition_point(|y| y <= x);
        below as f64 - above as f64
    };
    a.iter().map(more).sum::<f64>() / (a.len() as f64 * b.len() as f64)
}

/// The shift between two samples by Hodges & Lehmann (1963): the median of all differences of a value of `a` and one of
/// `b`; 0 where one is empty. O(a x b).
///
/// ```
/// use prompt_grammar::pattern::shift;
/// assert_eq!(shift(&[2.0, 3.0, 9.0], &[1.0, 2.0, 3.0]), 1.0);
/// ```
pub fn shift(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect();
    if all.is_empty() {
        return 0.0;
    }
    let middle = all.len() / 2;
    let odd = !all.len().is_multiple_of(2);
    let (low, upper, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if odd { upper } else { f64::midpoint(low.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) }
}

/// Ranks around their mean; equals share the mean of theirs. O(n log n).
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let middle = (values.len().max(1) - 1) as f64 / 2.0;
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|i| values[**i] <= values[order[start]]).count();
        let rank = start as f64 + (same - 1) as f64 / 2.0 - middle;
        order[start..start + same].iter().for_each(|i| out[*i] = rank);
        start += same;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 2.0]), [1.0, -1.5, 1.0, -0.5]);
        assert!(ranks(&[]).is_empty());
        assert!(shift(&[], &[1.0]).abs() < 1e-15);
        assert!((shift(&[1.0, 2.0], &[0.0]) - 1.5).abs() < 1e-15);
    }
}
