//! Which trials a model is made of when there are many.

use crate::kernel::Layout;

/// Up to so many trials the parameters of a model are learnt from all.
const LEARN: usize = 300;
/// Up to so many trials all take part in predictions.
const EXACT: usize = 2000;
/// Of more trials so many do, and so many inducing points beside them that speak for all.
const PREDICT: usize = 900;
pub(super) const INDUCING: usize = 100;

/// Losses with the features of their points, one slice a feature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) losses: Vec<f64>,
}

impl Data {
    /// One more point.
    pub(crate) fn push(&mut self, features: &[f64], loss: f64) {
        self.columns.resize_with(features.len(), Vec::new);
        self.columns.iter_mut().zip(features).for_each(|(column, feature)| column.push(*feature));
        self.losses.push(loss);
    }

    /// The same as distances see it.
    pub(super) fn bent(&self, layout: &Layout) -> Self {
        let bent = |(d, column): (usize, &Vec<f64>)| column.iter().map(|x| layout.forth(d, *x)).collect();
        Self { columns: self.columns.iter().enumerate().map(bent).collect(), losses: self.losses.clone() }
    }

    /// Features of the `i`-th point.
    pub(crate) fn point(&self, i: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[i]).collect()
    }

    /// Positions by loss, best first.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.losses.len()).collect();
        order.sort_by(|a, b| self.losses[*a].total_cmp(&self.losses[*b]));
        order
    }

    /// The loss told at these features, the last one where there are several.
    pub(super) fn loss_at(&self, features: &[f64]) -> Option<f64> {
        let same = |i: &usize| self.columns.iter().zip(features).all(|(c, f)| (c[*i] - f).abs() < 1e-10);
        (0..self.losses.len()).rev().find(same).map(|i| self.losses[i])
    }

    pub(super) fn pick(&self, mut positions: Vec<usize>) -> Self {
        positions.sort_unstable();
        let columns = self.columns.iter().map(|c| positions.iter().map(|i| c[*i]).collect()).collect();
        Self { columns, losses: positions.iter().map(|i| self.losses[*i]).collect() }
    }

    /// What the parameters are learnt from: the better half of the places to the best, the others evenly to the rest.
    pub(super) fn to_learn(&self) -> Option<Self> {
        let n = self.losses.len();
        (n > LEARN).then(|| {
            let order = self.order();
            let (best, rest) = order.split_at(LEARN / 2);
            let every = |i: usize| rest[i * rest.len() / (LEARN / 2)];
            self.pick(best.iter().copied().chain((0..LEARN / 2).map(every)).collect())
        })
    }

    /// What predictions are made from: a fifth of the places to the best, the others to the nearest to the best one, by
    /// distance in lengthscales. Their positions.
    pub(super) fn to_predict(&self, inverse_lengthscales: &[f64]) -> Option<Vec<usize>> {
        let n = self.losses.len();
        (n > EXACT).then(|| {
            let order = self.order();
            let (best, rest) = order.split_at(PREDICT / 5);
            let distance = |i: usize| -> f64 {
                let scaled = |(column, scale): (&Vec<f64>, &f64)| (column[i] - column[order[0]]) * scale;
                self.columns.iter().zip(inverse_lengthscales).map(scaled).map(|d| d * d).sum()
            };
            let mut near: Vec<(f64, usize)> = rest.iter().map(|i| (distance(*i), *i)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            best.iter().copied().chain(near[..PREDICT * 4 / 5].iter().map(|(_, i)| *i)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_always_there_and_no_trial_twice() {
        let losses: Vec<f64> = (0..2500).map(|i| f64::from((i * 7919) % 2500)).collect();
        let columns = vec![losses.iter().map(|l| l / 2500.0).collect(), vec![0.5; 2500]];
        let data = Data { columns, losses };
        let (learn, predict) = (data.to_learn().unwrap(), data.pick(data.to_predict(&[1.0, 1.0]).unwrap()));
        for (subset, n, best) in [(learn, LEARN, LEARN / 2), (predict, PREDICT, PREDICT / 5)] {
            assert_eq!((subset.losses.len(), subset.columns[1].len()), (n, n));
            let mut sorted = subset.losses.clone();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            assert_eq!(sorted.len(), n);
            assert!((0..best).all(|i| subset.losses.contains(&(i as f64))));
        }
    }
}
