//! Minima that are explored, and the search for others.
//!
//! Once hardly any improvement is expected, the place of the best point holds nothing more worth most evaluations. Every
//! second suggestion then searches outside of a ball around it, as if that were another problem: near the lowest further
//! minimum of a model, or else anywhere. Balls are in lengthscales of the model, so that valleys are covered along their
//! length. Of the points inside only some that lie apart are kept, because a cluster makes a model believe that the function
//! is as calm everywhere. A basin found and explored in this way is left aside in turn.

use super::subset::Data;

/// Below this logarithm of the expected improvement (in standard deviations of the losses) a basin counts as explored.
pub(super) const EXPLORED: f64 = -8.0;
/// Below this one, three suggestions in four look elsewhere.
const EXHAUSTED: f64 = -14.0;
/// Below this one nothing is left to polish.
pub(super) const POLISHED: f64 = -22.0;
/// Radius of a basin, in lengthscales.
const RADIUS: f64 = 2.0;
/// Points kept inside are this far apart, in radii.
const APART: f64 = 0.15;

/// Points in the model around the best, a parameter.
const NEARBY: usize = 6;

/// Whether trial `id` looks elsewhere, at this best acquisition.
pub(super) fn look_elsewhere(best: f64, id: u64) -> bool {
    best < EXPLORED && id % 2 == 1 || best < EXHAUSTED && id % 4 != 2
}

/// A ball around a minimum.
#[derive(Clone, Debug)]
pub(crate) struct Basin {
    centre: Vec<f64>,
    /// 1 / lengthscale of each parameter; huge for choices, so that another choice is another basin.
    scales: Vec<f64>,
}

impl Basin {
    /// Around the best of `data`.
    pub(super) fn around_best(data: &Data, scales: &[f64]) -> Self {
        let best = data.order().first().copied().unwrap_or(0);
        Self { centre: data.columns.iter().map(|column| column[best]).collect(), scales: scales.to_vec() }
    }

    /// Around a point.
    pub(super) fn around(centre: Vec<f64>, scales: &[f64]) -> Self {
        Self { centre, scales: scales.to_vec() }
    }

    pub(super) fn contains(&self, features: &[f64]) -> bool {
        self.distance(&self.centre, features) < RADIUS
    }

    /// Euclidean, in lengthscales; a parameter that is active in one of the points only counts as one.
    fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let scaled = |((a, b), scale): ((&f64, &f64), &f64)| {
            if (*a < 0.0) == (*b < 0.0) { (a - b) * scale } else { 1.0 }
        };
        a.iter().zip(b).zip(&self.scales).map(scaled).map(|d| d * d).sum::<f64>().sqrt()
    }
}

impl Data {
    /// Everything outside of the basins, and what lies apart inside, best first; `None` with fewer than two points outside.
    pub(super) fn outside(&self, basins: &[Basin]) -> Option<Self> {
        let mut kept: Vec<usize> = Vec::new();
        let mut inner: Vec<Vec<f64>> = Vec::new();
        for i in self.order() {
            let x = self.point(i);
            if let Some(basin) = basins.iter().find(|basin| basin.contains(&x)) {
                if inner.iter().any(|other| basin.distance(other, &x) < APART * RADIUS) {
                    continue;
                }
                inner.push(x);
            }
            kept.push(i);
        }
        (kept.len() >= inner.len() + 2).then(|| self.pick(kept))
    }

    /// The best point and the nearest to it; `None` unless there are twice as many.
    ///
    /// What a model of them says of the bottom is not bent to what lies far away: every fourth suggestion polishes there.
    pub(super) fn around_best(&self, scales: &[f64]) -> Option<Self> {
        let count = NEARBY * self.columns.len();
        (self.losses.len() >= 2 * count).then(|| {
            let basin = Basin::around_best(self, scales);
            let mut near: Vec<(f64, usize)> =
                (0..self.losses.len()).map(|i| (basin.distance(&basin.centre, &self.point(i)), i)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.pick(near[..count].iter().map(|(_, i)| *i).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_thinned_and_the_rest_is_kept() {
        let mut xs: Vec<f64> = (0..50).map(|i| 0.5 + 1e-4 * f64::from(i)).collect();
        xs.extend([0.1, 0.2, 0.9]);
        let losses = xs.iter().map(|x| (x - 0.5).abs()).collect();
        let data = Data { columns: vec![xs], losses };
        let basins = [Basin::around_best(&data, &[20.0])];
        let outside = data.outside(&basins).unwrap();
        assert_eq!(outside.columns[0], [0.5, 0.1, 0.2, 0.9]);
        assert!(Data { columns: vec![vec![0.5, 0.1]], losses: vec![0.0, 1.0] }.outside(&basins).is_none());
    }
}
