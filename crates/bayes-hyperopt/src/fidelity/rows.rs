use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was evaluated and what is running, by trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rows {
    pub(super) told: BTreeMap<u64, Row>,
    pub(super) running: BTreeMap<u64, (Vec<f64>, usize)>,
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) features: Vec<f64>,
    pub(super) level: usize,
    /// `None` when it failed.
    pub(super) loss: Option<f64>,
    /// From the start of the point's evaluation to this level.
    pub(super) cost: f64,
}

impl Rows {
    /// Evaluations at `level`, running ones included.
    pub(super) fn count(&self, level: usize) -> usize {
        self.told.values().filter(|row| row.level == level).count()
            + self.running.values().filter(|(_, at)| *at == level).count()
    }

    /// The highest level at which `features` were evaluated or are running.
    pub(super) fn reached(&self, features: &[f64]) -> Option<usize> {
        let told = self.told.values().map(|row| (&row.features, row.level));
        let running = self.running.values().map(|(features, level)| (features, *level));
        told.chain(running).filter(|(other, _)| same(other, features)).map(|(_, level)| level).max()
    }

    /// What `features` have cost up to the highest level told.
    pub(super) fn paid(&self, features: &[f64]) -> f64 {
        let told = self.told.values().filter(|row| same(&row.features, features));
        told.map(|row| row.cost).fold(0.0, f64::max)
    }

    /// Rows with a loss, best first.
    pub(super) fn ranking(&self, level: usize) -> Vec<&Row> {
        let mut ranking: Vec<&Row> =
            self.told.values().filter(|row| row.level == level && row.loss.is_some()).collect();
        let loss = |row: &Row| row.loss.unwrap_or(f64::INFINITY);
        ranking.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
        ranking
    }

    /// Mean cost of an evaluation from its start to each level, with `shares` the fidelities of the levels.
    ///
    /// Levels not seen yet cost in proportion to the nearest one that was; without any, their share.
    pub(super) fn costs(&self, shares: &[f64]) -> Vec<f64> {
        let mean = |level: usize| {
            let (n, sum) = self
                .told
                .values()
                .filter(|row| row.level == level && row.cost > 0.0)
                .fold((0.0, 0.0), |(n, sum), row| (n + 1.0, sum + row.cost));
            (n > 0.0).then(|| sum / n)
        };
        let known: Vec<(usize, f64)> =
            (0..shares.len()).filter_map(|level| mean(level).map(|cost| (level, cost))).collect();
        let cost = |level: usize| {
            let nearest = known.iter().min_by_key(|(other, _)| other.abs_diff(level));
            nearest.map_or(shares[level], |(other, cost)| cost * shares[level] / shares[*other])
        };
        (0..shares.len()).map(cost).collect()
    }

    /// What is to be added to the losses of each level so that points seen at two neighbouring levels agree in the median;
    /// nothing for the highest level.
    pub(super) fn shifts(&self, levels: usize) -> Vec<f64> {
        let mut shifts = vec![0.0; levels];
        for level in (0..levels.saturating_sub(1)).rev() {
            let upper = self.ranking(level + 1);
            let mut gains: Vec<f64> = self
                .ranking(level)
                .iter()
                .filter_map(|low| {
                    let high = upper.iter().find(|high| same(&high.features, &low.features))?;
                    Some(high.loss? - low.loss?)
                })
                .collect();
            gains.sort_by(f64::total_cmp);
            let gain = gains.get(gains.len() / 2).copied().unwrap_or(0.0);
            shifts[level] = shifts[level + 1] + gain;
        }
        shifts
    }

    pub(super) fn fits(&self, levels: usize, dimensions: usize) -> bool {
        let told = self.told.values().map(|row| (&row.features, row.level));
        let running = self.running.values().map(|(features, level)| (features, *level));
        told.chain(running).all(|(features, level)| features.len() == dimensions && level < levels)
    }
}

pub(super) fn same(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}
