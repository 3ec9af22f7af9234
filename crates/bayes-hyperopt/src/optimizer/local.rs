//! The search near the best point: a model of what lies around it alone, in a box that grows with success and shrinks
//! without it, given turns by credit.
//!
//! What a model of all data says of the bottom is bent to what lies far away. The near model must earn its turns: each of
//! the two is believed as much as what it promised came true of late.

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::engine::{CHALLENGES, Query, Suggestion};
use super::memory::Memory;
use super::regime::Regime;
use super::subset::Data;
use super::surface::Region;
use super::trust::TrustBox;
use crate::KernelKind;
use crate::maximize::Landscape;

/// Points in the model around the best, a parameter: at least and at most.
const NEARBY: [usize; 2] = [6, 10];
/// Half sides of the box, as a share of the reach of the points in the model: at first, at least, at most.
const FIRST: f64 = 0.5;
const LEAST: f64 = 1e-3;
const MOST: f64 = 1.0;
/// The least reach of a box.
const LEAST_REACH: f64 = 1e-7;
/// The weight of the last result in a credit, the most that one result counts, and the least credit.
const FRESH: f64 = 0.3;
const MOST_KEPT: f64 = 2.0;
const LEAST_CREDIT: f64 = 0.02;
/// The share of what was promised that has to come true for one more turn.
const HOT: f64 = 0.3;
/// Suggestions whose results are awaited.
const AWAITED: usize = 64;

/// Which model made a suggestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arm {
    /// That of all data.
    All,
    /// That of the nearest.
    Near,
}

/// A suggestion whose result is awaited.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tried {
    arm: Arm,
    features: Vec<f64>,
    /// The least loss before.
    best: f64,
    /// The improvement expected, in losses.
    promised: f64,
}

/// The near model, its box, and the credits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Local {
    memory: Memory,
    share: f64,
    /// Of the model of all data, and of the near one.
    credit: [f64; 2],
    /// Whether the last suggestion of the near model brought about what it promised.
    hot: bool,
    tried: Vec<Tried>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new(Memory::new(Regime::new(KernelKind::Matern52)))
    }
}

impl Local {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, share: FIRST, credit: [1.0; 2], hot: false, tried: Vec::new() }
    }

    /// Whether the last suggestion of the near model brought about what it promised.
    pub(super) fn is_hot(&self) -> bool {
        self.hot
    }

    /// What the near model's gain has to be above that of the model of all data, in logarithms.
    pub(super) fn handicap(&self) -> f64 {
        libm::log(self.credit[0]) - libm::log(self.credit[1])
    }

    /// Notes a suggestion with what it promises, ln of an improvement in losses.
    pub(super) fn note(&mut self, arm: Arm, features: Vec<f64>, data: &Data, promised: f64) {
        let best = data.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let promised = libm::exp(promised);
        if promised > 0.0 && promised.is_finite() {
            self.tried.push(Tried { arm, features, best, promised });
        }
        if self.tried.len() > AWAITED {
            self.tried.remove(0);
        }
    }

    /// Takes up the results of what was suggested.
    pub(super) fn settle(&mut self, data: &Data) {
        let losses: Vec<Option<f64>> = self.tried.iter().map(|tried| data.loss_at(&tried.features)).collect();
        let mut open = Vec::new();
        for (tried, loss) in std::mem::take(&mut self.tried).into_iter().zip(losses) {
            let Some(loss) = loss else {
                open.push(tried);
                continue;
            };
            let kept = ((tried.best - loss).max(0.0) / tried.promised).min(MOST_KEPT);
            let credit = &mut self.credit[usize::from(tried.arm == Arm::Near)];
            *credit = ((1.0 - FRESH) * *credit + FRESH * kept).max(LEAST_CREDIT);
            if tried.arm == Arm::Near {
                self.hot = kept >= HOT;
                let factor = if loss < tried.best { 2.0 } else { 0.5 };
                self.share = (factor * self.share).clamp(LEAST, MOST);
            } else if loss < tried.best {
                self.share = self.share.max(FIRST);
            }
        }
        self.tried = open;
    }

    /// The most promising point in the box around the best one, and losses a target of the model that says so; `None`
    /// where too few points are told, or none is to be had. `early` models as soon as there can be one.
    pub(super) fn suggest(
        &mut self,
        query: &Query<'_>,
        scales: &[f64],
        early: bool,
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<(Suggestion, f64)> {
        let (n, d) = (query.data.losses.len(), query.space.len());
        let [least, most] = NEARBY.map(|nearby| nearby * d);
        if 2 * n < if early { 4 * d + 4 } else { 3 * least } {
            return None;
        }
        let near = query.data.nearest(scales, (2 * n / 3).clamp(least, most).min(n));
        let model = self.memory.model(query.layout, &near, CHALLENGES)?;
        let slope = model.slope();
        let best = near.point(*near.order().first()?);
        let reach = |(column, best): (&Vec<f64>, &f64)| {
            column.iter().map(|x| (x - best).abs()).fold(LEAST_REACH, f64::max)
        };
        let half = near.columns.iter().zip(&best).map(|pair| self.share * reach(pair)).collect();
        let area = TrustBox::around(best, half);
        query.maximize(model, term, Region::Near(&area), rng).map(|found| (found, slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_follows_promises_and_the_box_success() {
        let mut local = Local::default();
        let mut data = Data::default();
        data.push(&[0.5], 1.0);
        local.note(Arm::Near, vec![0.4], &data, (0.1_f64).ln());
        local.note(Arm::All, vec![0.9], &data, (0.1_f64).ln());
        local.settle(&data);
        assert_eq!((local.tried.len(), local.is_hot()), (2, false));
        data.push(&[0.4], 0.9);
        data.push(&[0.9], 2.0);
        local.settle(&data);
        assert!(local.tried.is_empty() && local.is_hot());
        assert!(local.handicap() < 0.0 && (local.share - 2.0 * FIRST).abs() < 1e-12, "{local:?}");
        for i in 0..30 {
            let x = 0.3 + 0.001 * f64::from(i);
            local.note(Arm::Near, vec![x], &data, 0.0);
            data.push(&[x], 3.0);
            local.settle(&data);
        }
        assert!(
            !local.is_hot() && local.handicap() > 0.0 && (local.share - LEAST).abs() < 1e-12,
            "{local:?}"
        );
    }
}
