use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::features::{FeatureId, Features, Kind};

/// What systems lose on every example alike.
///
/// A system has a price when its scores take two values one apart (or one value that is not 0 or 1): what it passes and what
/// it fails, both less the price. Prices add up over clauses: ridge regression, exact after a few systems.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Prices {
    /// The lowest and the highest score of each system.
    seen: BTreeMap<usize, (f64, f64)>,
    /// Some score lay between: then scores are shares, and there are no prices.
    shares: bool,
    constant: f64,
    by_clause: BTreeMap<FeatureId, f64>,
}

/// Scores are single precision.
const EXACT: f64 = 1e-5;
/// Standard deviations of a clause's price and of what is left unexplained.
const SPREAD: f64 = 0.05;
const NOISE: f64 = 0.002;

impl Prices {
    /// Takes in scores of a system and gives its price.
    pub(super) fn observe(&mut self, system: usize, scores: impl Iterator<Item = f64>) -> f64 {
        let seen = self.seen.entry(system).or_insert((f64::INFINITY, f64::NEG_INFINITY));
        for score in scores {
            let between = |s: f64| s > seen.0 + EXACT && s < seen.1 - EXACT;
            let gap = seen.1.max(score) - seen.0.min(score);
            self.shares |= between(score) || (gap > EXACT && (gap - 1.0).abs() > EXACT);
            *seen = (seen.0.min(score), seen.1.max(score));
        }
        self.of_system(system).unwrap_or(0.0)
    }

    fn of_system(&self, system: usize) -> Option<f64> {
        let (low, high) = *self.seen.get(&system)?;
        if self.shares || !high.is_finite() {
            return None;
        }
        // Below 0.5 all examples failed: then the score is minus the price.
        Some(if high > 0.5 { 1.0 - high } else { -low })
    }

    /// Learns what clauses cost.
    pub(super) fn learn(&mut self, features: &Features, systems: &[Vec<FeatureId>]) {
        let known: Vec<(usize, f64)> =
            (0..systems.len()).filter_map(|s| Some((s, self.of_system(s)?))).collect();
        self.by_clause.clear();
        self.constant = 0.0;
        if known.iter().all(|(_, price)| price.abs() < EXACT) {
            return;
        }
        let clauses: Vec<FeatureId> =
            (0..features.len()).filter(|f| features.get(*f).kind == Kind::Clause).collect();
        let n = clauses.len() + 1;
        let place = |f: &FeatureId| clauses.binary_search(f).ok().map(|i| i + 1);
        let mut matrix = DMatrix::<f64>::identity(n, n) * (NOISE / SPREAD).powi(2);
        matrix[(0, 0)] = NOISE * NOISE;
        let mut right = DVector::<f64>::zeros(n);
        for (system, price) in &known {
            let at: Vec<usize> = [0].into_iter().chain(systems[*system].iter().filter_map(place)).collect();
            for i in &at {
                right[*i] += price;
                for j in &at {
                    matrix[(*i, *j)] += 1.0;
                }
            }
        }
        if let Some(factor) = matrix.cholesky() {
            factor.solve_mut(&mut right);
            self.constant = right[0];
            self.by_clause = clauses.iter().enumerate().map(|(i, f)| (*f, right[i + 1])).collect();
        }
    }

    /// What a system with these features is expected to cost.
    pub(super) fn of(&self, features: &[FeatureId]) -> f64 {
        if self.by_clause.is_empty() {
            return 0.0;
        }
        self.constant + features.iter().filter_map(|f| self.by_clause.get(f)).sum::<f64>()
    }

    /// What a clause adds to the price.
    pub(super) fn clause(&self, feature: FeatureId) -> f64 {
        self.by_clause.get(&feature).copied().unwrap_or(0.0)
    }

    pub(super) fn is_sound(&self, systems: usize, features: usize) -> bool {
        self.seen.iter().all(|(s, (low, high))| *s < systems && low.is_finite() && high.is_finite())
            && self.by_clause.iter().all(|(f, price)| *f < features && price.is_finite())
            && self.constant.is_finite()
    }
}
