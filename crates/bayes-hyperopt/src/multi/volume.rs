use super::front::front;

/// The volume that `losses` dominate, up to `reference`; points that do not lie below it in every objective add nothing.
///
/// Exact: the volume is summed over slices of the last objective, recursively. O(n log n) for two objectives, O(n^(m-1)) for
/// m, so meant for fronts of up to some hundreds of points and a few objectives.
///
/// # Panics
/// When a point has another number of objectives than `reference`.
///
/// ```
/// use bayes_hyperopt::multi::hypervolume;
/// let losses = [vec![1.0, 2.0], vec![2.0, 1.0]];
/// assert_eq!(hypervolume(&losses, &[3.0, 3.0]), 3.0);
/// ```
pub fn hypervolume(losses: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside = |p: &&Vec<f64>| {
        assert_eq!(p.len(), reference.len(), "one loss an objective");
        p.iter().zip(reference).all(|(p, r)| p < r)
    };
    let inside: Vec<Vec<f64>> = losses.iter().filter(inside).cloned().collect();
    let best: Vec<&[f64]> = front(&inside).into_iter().map(|i| inside[i].as_slice()).collect();
    measure(best, reference)
}

/// The volume of points that lie inside; dominated ones do no harm.
fn measure(mut points: Vec<&[f64]>, reference: &[f64]) -> f64 {
    let Some(last) = reference.len().checked_sub(1) else { return 0.0 };
    if points.is_empty() {
        return 0.0;
    }
    if last == 0 {
        return points.iter().map(|p| reference[0] - p[0]).fold(0.0, f64::max);
    }
    points.sort_by(|a, b| a[last].total_cmp(&b[last]));
    if last == 1 {
        let (mut volume, mut right) = (0.0, reference[0]);
        for p in points {
            if p[0] < right {
                volume += (right - p[0]) * (reference[1] - p[1]);
                right = p[0];
            }
        }
        return volume;
    }
    let mut volume = 0.0;
    for (i, p) in points.iter().enumerate() {
        let end = points.get(i + 1).map_or(reference[last], |next| next[last]);
        if end > p[last] {
            let below = points[..=i].iter().map(|p| &p[..last]).collect();
            volume += (end - p[last]) * measure(below, &reference[..last]);
        }
    }
    volume
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the volumes are exact in binary")]
    fn known_volumes() {
        assert_eq!(hypervolume(&[], &[1.0, 1.0]), 0.0);
        assert_eq!(hypervolume(&[vec![0.5]], &[1.0]), 0.5);
        assert_eq!(hypervolume(&[vec![0.0, 2.0], vec![0.5, 0.5]], &[1.0, 1.0]), 0.25);
        let corner = [vec![0.0, 0.5, 0.5], vec![0.5, 0.0, 0.5], vec![0.5, 0.5, 0.0], vec![0.5, 0.5, 0.5]];
        assert_eq!(hypervolume(&corner, &[1.0; 3]), 0.5);
        assert_eq!(hypervolume(&[vec![0.5; 4]], &[1.0; 4]), 0.0625);
    }

    /// Against the share of random points that some point dominates.
    #[test]
    fn agrees_with_counting() {
        for objectives in 2..=4 {
            let mut rng = Stream::root(objectives as u64);
            let mut point = || (0..objectives).map(|_| rng.unit()).collect::<Vec<f64>>();
            let losses: Vec<Vec<f64>> = (0..12).map(|_| point()).collect();
            let draws = 40_000;
            let is_dominated = |z: &Vec<f64>| losses.iter().any(|p| p.iter().zip(z).all(|(p, z)| p <= z));
            let counted = (0..draws).filter(|_| is_dominated(&point())).count() as f64 / f64::from(draws);
            let exact = hypervolume(&losses, &vec![1.0; objectives]);
            assert!((exact - counted).abs() < 0.01, "{objectives}: {exact} {counted}");
        }
    }
}
