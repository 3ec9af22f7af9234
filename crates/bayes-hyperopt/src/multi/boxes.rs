/// The region below a reference point that a front does not dominate, as disjoint boxes.
///
/// Coordinates are written as places in `levels`, one sorted list an objective that begins with minus infinity and ends with
/// the reference; a box lies between two of them in each objective.
#[derive(Clone, Debug)]
pub(super) struct Boxes {
    pub(super) levels: Vec<Vec<f64>>,
    /// Lower and upper place in each objective, box after box.
    pub(super) places: Vec<(u32, u32)>,
}

impl Boxes {
    /// The decomposition for `front`; points that do not lie below `reference` are passed over.
    ///
    /// For two objectives one box a point and one more; for m at most n^(m-1), with equal neighbours merged.
    pub(super) fn new(front: &[Vec<f64>], reference: &[f64]) -> Self {
        let inside: Vec<&Vec<f64>> =
            front.iter().filter(|p| p.iter().zip(reference).all(|(p, r)| p < r)).collect();
        let levels: Vec<Vec<f64>> = (0..reference.len())
            .map(|j| {
                let mut levels: Vec<f64> = inside.iter().map(|p| p[j]).collect();
                levels.push(reference[j]);
                levels.push(f64::NEG_INFINITY);
                levels.sort_by(f64::total_cmp);
                levels.dedup();
                levels
            })
            .collect();
        let place = |j: usize, value: f64| {
            levels[j].iter().position(|level| level.total_cmp(&value).is_eq()).unwrap_or(0) as u32
        };
        let points: Vec<Vec<u32>> =
            inside.iter().map(|p| p.iter().enumerate().map(|(j, v)| place(j, *v)).collect()).collect();
        let ends: Vec<u32> = levels.iter().map(|l| l.len() as u32 - 1).collect();
        let mut places = Vec::new();
        for cell in cells(&points.iter().map(Vec::as_slice).collect::<Vec<_>>(), &ends) {
            places.extend(cell);
        }
        Self { levels, places }
    }

    /// The boxes, each a pair of places an objective.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.places.chunks_exact(self.levels.len())
    }
}

/// Boxes of the region that `points` do not dominate, in the first `ends.len()` objectives.
fn cells(points: &[&[u32]], ends: &[u32]) -> Vec<Vec<(u32, u32)>> {
    let last = ends.len() - 1;
    if last == 0 {
        let end = points.iter().map(|p| p[0]).min().unwrap_or(ends[0]);
        return vec![vec![(0, end)]];
    }
    let mut order: Vec<&[u32]> = points.to_vec();
    order.sort_by_key(|p| p[last]);
    // Slab after slab of the last objective; one in which nothing new is dominated belongs to the one before.
    let mut out = Vec::new();
    let (mut known, mut start): (Vec<&[u32]>, u32) = (Vec::new(), 0);
    let mut slab = |known: &[&[u32]], from: u32, to: u32| {
        if to > from {
            out.extend(cells(known, &ends[..last]).into_iter().map(|mut cell| {
                cell.push((from, to));
                cell
            }));
        }
    };
    for point in order {
        let beaten = known.iter().any(|k| k[..last].iter().zip(&point[..last]).all(|(k, p)| k <= p));
        if beaten {
            continue;
        }
        slab(&known, start, point[last]);
        start = point[last];
        known.retain(|k| !point[..last].iter().zip(&k[..last]).all(|(p, k)| p <= k));
        known.push(point);
    }
    slab(&known, start, ends[last]);
    out
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::hypervolume;
    use super::*;

    /// The boxes, cut off at 0 from below, and the dominated volume fill the unit cube.
    #[test]
    fn boxes_are_what_is_not_dominated() {
        for objectives in 1..=4 {
            for n in [0, 1, 2, 9] {
                let mut rng = Stream::root(n).child("front", objectives as u64);
                let front: Vec<Vec<f64>> =
                    (0..n).map(|_| (0..objectives).map(|_| rng.unit()).collect()).collect();
                let reference = vec![1.0; objectives];
                let boxes = Boxes::new(&front, &reference);
                let width = |(j, (low, high)): (usize, &(u32, u32))| {
                    boxes.levels[j][*high as usize] - boxes.levels[j][*low as usize].max(0.0)
                };
                let volume: f64 =
                    boxes.iter().map(|b| b.iter().enumerate().map(width).product::<f64>()).sum();
                let dominated = hypervolume(&front, &reference);
                assert!((volume + dominated - 1.0).abs() < 1e-12, "{objectives} {n}: {volume} {dominated}");
            }
        }
    }

    #[test]
    fn two_objectives_take_one_box_a_point_and_one_more() {
        let front = [vec![0.1, 0.9], vec![0.5, 0.5], vec![0.9, 0.1]];
        assert_eq!(Boxes::new(&front, &[1.0, 1.0]).iter().count(), 4);
    }
}
