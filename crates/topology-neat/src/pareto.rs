//! Non-dominated sorting and crowding of NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002). All objectives are minimised.

/// Indices of `points` in fronts: the first is dominated by none, the second by the first alone, and so on.
///
/// Points must have one length; a point with a value that is not finite stands in no front. Equal points share a front.
/// Within a front the order is that of `points`. O(m n^2) for n points of m objectives.
///
/// ```
/// let points = [vec![1.0, 3.0], vec![2.0, 2.0], vec![2.0, 4.0], vec![f64::NAN, 0.0]];
/// assert_eq!(topology_neat::fronts(&points), [vec![0, 1], vec![2]]);
/// ```
pub fn fronts(points: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> =
        (0..points.len()).filter(|i| points[*i].iter().all(|v| v.is_finite())).collect();
    let mut fronts = Vec::new();
    while !left.is_empty() {
        let is_free = |i: &usize| !left.iter().any(|j| dominates(&points[*j], &points[*i]));
        let front: Vec<usize> = left.iter().copied().filter(is_free).collect();
        left.retain(|i| !front.contains(i));
        fronts.push(front);
    }
    fronts
}

/// Whether `a` is at least as good everywhere and better somewhere.
fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// How far apart the neighbours of each member of a front stand, in the order of the front; infinite at the edges.
///
/// Each objective counts in units of its range over the front; one without range counts nothing. O(m n log n).
pub fn crowding(points: &[Vec<f64>], front: &[usize]) -> Vec<f64> {
    let mut distance = vec![0.0; front.len()];
    let objectives = front.first().map_or(0, |i| points[*i].len());
    let values = |m: usize| front.iter().map(|i| points[*i][m]).collect::<Vec<f64>>();
    for column in (0..objectives).map(values) {
        let value = |place: usize| column[place];
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = value(last) - value(first);
        if range <= 0.0 {
            continue;
        }
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
        for three in order.windows(3) {
            distance[three[1]] += (value(three[2]) - value(three[0])) / range;
        }
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_hold_every_sound_point_once_and_none_dominated() {
        let points: Vec<Vec<f64>> =
            (0..60).map(|i| vec![f64::from(i * 37 % 61), f64::from(i * 23 % 59)]).collect();
        let fronts = fronts(&points);
        assert_eq!(fronts.iter().map(Vec::len).sum::<usize>(), 60);
        for (rank, front) in fronts.iter().enumerate() {
            for &i in front {
                assert!(!front.iter().any(|&j| dominates(&points[j], &points[i])));
                let above = rank == 0 || fronts[rank - 1].iter().any(|&j| dominates(&points[j], &points[i]));
                assert!(above, "{i} belongs to an earlier front");
            }
        }
        assert_eq!(super::fronts(&[vec![1.0], vec![1.0]]), [vec![0, 1]]);
    }

    #[test]
    fn edges_are_never_crowded() {
        let points = [vec![0.0, 4.0], vec![1.0, 1.0], vec![1.5, 0.9], vec![4.0, 0.0]];
        let found = crowding(&points, &[0, 1, 2, 3]);
        assert!(found[0].is_infinite() && found[3].is_infinite());
        assert!((found[1] - (1.5 / 4.0 + 3.1 / 4.0)).abs() < 1e-12);
        assert!(crowding(&points, &[]).is_empty());
        assert_eq!(crowding(&[vec![1.0], vec![1.0]], &[0, 1]), [0.0, 0.0]);
    }
}
