//! Minima that are explored, and what lies around the best of them.
//!
//! Balls are in lengthscales of the model, so that valleys are covered along their length.

use super::subset::Data;

/// Below this logarithm of the expected improvement (in standard deviations of the losses) a basin counts as explored.
pub(super) const EXPLORED: f64 = -7.0;
/// Below this one hardly anything is left to gain in it.
const EXHAUSTED: f64 = -10.0;
/// Below this one nothing is left to polish.
pub(super) const POLISHED: f64 = -22.0;
/// Radius of a basin, in lengthscales.
const RADIUS: f64 = 2.0;
/// Stands for 1 / lengthscale of choices.
pub(super) const CHOICE: f64 = 1e3;

/// Whether suggestion `turn` looks elsewhere, where at best `gain` is expected; `begun` when it was looked elsewhere before
/// from where the best point lies.
///
/// What was begun goes on even where the model sees more to gain again at once: a search elsewhere that is broken off
/// ends nowhere, and a model of a whole basin always finds some arm of it unexplored. In many dimensions elsewhere is
/// larger.
pub(super) fn is_away(gain: f64, begun: bool, turn: u64, dimensions: usize) -> bool {
    let d = dimensions as u64;
    let (part, of) = match gain {
        _ if gain >= EXPLORED => (u64::from(begun), 2),
        _ if gain >= EXHAUSTED => (3, 5),
        _ => (d, d + 1),
    };
    (turn + 1) * part / of > turn * part / of
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
    /// The best point and the nearest to it, `count` in all, by distance in lengthscales.
    pub(super) fn nearest(&self, scales: &[f64], count: usize) -> Self {
        let Some(best) = self.order().first().map(|i| self.point(*i)) else { return self.clone() };
        let basin = Basin::at(best, scales);
        let mut near: Vec<(f64, usize)> =
            (0..self.losses.len()).map(|i| (basin.away(&self.point(i)), i)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.pick(near.iter().take(count).map(|(_, i)| *i).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_there_is_to_gain_the_more_looks_elsewhere() {
        let count = |gain, begun| (0..70).filter(|turn| is_away(gain, begun, *turn, 6)).count();
        assert_eq!((count(-1.0, false), count(-1.0, true)), (0, 35));
        assert_eq!((count(-8.0, false), count(-12.0, true)), (42, 60));
    }

    #[test]
    fn the_nearest_are_around_the_best() {
        let xs: Vec<f64> = (0..20).map(|i| f64::from(i) / 20.0).collect();
        let losses = xs.iter().map(|x| (x - 0.5).abs()).collect();
        let data = Data { columns: vec![xs], losses };
        assert_eq!(data.nearest(&[5.0], 6).columns[0], [0.35, 0.4, 0.45, 0.5, 0.55, 0.6]);
    }
}
