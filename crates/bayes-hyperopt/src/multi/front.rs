/// Whether `a` is nowhere worse than `b` and somewhere better; losses are minimised.
///
/// ```
/// use bayes_hyperopt::multi::dominates;
/// assert!(dominates(&[1.0, 2.0], &[1.0, 3.0]));
/// assert!(!dominates(&[1.0, 2.0], &[0.0, 3.0]));
/// ```
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// Positions of the points that no other dominates, in order; of equal points the first. O(n^2).
///
/// ```
/// use bayes_hyperopt::multi::front;
/// let losses = [vec![1.0, 3.0], vec![2.0, 2.0], vec![2.0, 3.0], vec![2.0, 2.0]];
/// assert_eq!(front(&losses), [0, 1]);
/// ```
pub fn front(losses: &[Vec<f64>]) -> Vec<usize> {
    let beaten = |i: usize| {
        losses
            .iter()
            .enumerate()
            .any(|(j, other)| dominates(other, &losses[i]) || (j < i && *other == losses[i]))
    };
    (0..losses.len()).filter(|i| !beaten(*i)).collect()
}
