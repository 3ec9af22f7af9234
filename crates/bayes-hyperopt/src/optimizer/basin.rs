//! Minima that are explored, and the search for others.
//!
//! Once hardly any improvement is expected, the place of the best point holds nothing more worth most evaluations. Every
//! second suggestion then searches outside of a ball around it, and of smaller balls around the points from which the
//! model leads down into it, as if that were another problem with a best point of its own. Without the smaller balls the
//! search would settle on the rim of the large one. Balls are in lengthscales of the model, so that valleys are covered along
//! their length. Of the points inside only some that lie apart are kept, because a cluster makes a model believe that the
//! function is as calm everywhere. A basin found and explored in this way is left aside in turn.

use super::subset::Data;

/// Below this logarithm of the expected improvement (in standard deviations of the losses) a basin counts as explored.
pub(super) const EXPLORED: f64 = -8.0;
/// Below this one, three suggestions in four look elsewhere.
const EXHAUSTED: f64 = -14.0;
/// Below this one nothing is left to polish.
pub(super) const POLISHED: f64 = -22.0;
/// Radius of a basin, in lengthscales.
const RADIUS: f64 = 2.0;
const LEAST_RADIUS: f64 = 1e-6;
/// Stands for 1 / lengthscale of choices.
pub(super) const CHOICE: f64 = 1e3;
/// Points kept inside are this far apart, in radii.
const APART: f64 = 0.15;

/// Points in the model around the best, a parameter.
const NEARBY: usize = 6;

/// Whether trial `id` looks elsewhere, at this best acquisition.
pub(super) fn look_elsewhere(best: f64, id: u64) -> bool {
    best < EXPLORED && id % 2 == 1 || best < EXHAUSTED && id % 4 != 2
}

/// A ball around a minimum, or around a point that leads there.
#[derive(Clone, Debug)]
pub(crate) struct Basin {
    centre: Vec<f64>,
    radius: f64,
    /// 1 / lengthscale of each parameter; huge for choices, so that another choice is another basin.
    scales: Vec<f64>,
}

impl Basin {
    /// Around a minimum.
    pub(super) fn at(centre: Vec<f64>, scales: &[f64]) -> Self {
        Self { centre, radius: RADIUS, scales: scales.to_vec() }
    }

    /// Half as large, around a point that leads to the minimum.
    pub(super) fn half_around(&self, centre: Vec<f64>) -> Self {
        Self { centre, radius: 0.5 * RADIUS, scales: self.scales.clone() }
    }

    pub(super) fn contains(&self, features: &[f64]) -> bool {
        self.away(features) < self.radius
    }

    /// Whether the choices are those of the centre.
    pub(super) fn shares_choices(&self, features: &[f64]) -> bool {
        self.away(features) < 0.5 * CHOICE
    }

    fn away(&self, features: &[f64]) -> f64 {
        self.distance(&self.centre, features)
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

    /// The best point and the nearest to it, with the ball they fill; `None` unless there are half as many more.
    ///
    /// What a model of them says of the bottom is not bent to what lies far away: every fourth suggestion polishes there.
    pub(super) fn around_best(&self, scales: &[f64]) -> Option<(Self, Basin)> {
        let count = NEARBY * self.columns.len();
        (2 * self.losses.len() >= 3 * count).then(|| {
            let mut basin = Basin::at(self.point(self.order()[0]), scales);
            let mut near: Vec<(f64, usize)> =
                (0..self.losses.len()).map(|i| (basin.away(&self.point(i)), i)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            basin.radius = near[count - 1].0.clamp(LEAST_RADIUS, RADIUS);
            (self.pick(near[..count].iter().map(|(_, i)| *i).collect()), basin)
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
        let basins = [Basin::at(vec![0.5], &[20.0])];
        let outside = data.outside(&basins).unwrap();
        assert_eq!(outside.columns[0], [0.5, 0.1, 0.2, 0.9]);
        assert!(Data { columns: vec![vec![0.5, 0.1]], losses: vec![0.0, 1.0] }.outside(&basins).is_none());
    }
}
