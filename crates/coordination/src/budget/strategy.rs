use serde::{Deserialize, Serialize};

use crate::AllocationStrategy;

/// How shares of a budget move with what components bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Not at all.
    Fixed,
    /// With the latest gains for cost.
    #[default]
    Dynamic,
    /// With the gain for cost learnt over the whole run, trusted more the more was spent.
    Adaptive,
    /// With given priorities.
    Priority,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Fixed, Self::Dynamic, Self::Adaptive, Self::Priority];
}

impl From<AllocationStrategy> for Strategy {
    fn from(strategy: AllocationStrategy) -> Self {
        match strategy {
            AllocationStrategy::Adaptive => Self::Adaptive,
            AllocationStrategy::Fixed => Self::Fixed,
            AllocationStrategy::Priority => Self::Priority,
        }
    }
}

/// Part of the latest rate that remains after one more.
const KEEP: f64 = 0.7;
/// What was spent on it, as a part of all, from which a component's own rate counts as much as everybody's.
const TRUST: f64 = 0.05;

/// What components have brought for what they cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    gains: [f64; 4],
    costs: [f64; 4],
    /// Latest gains for cost; of those that never ended a task, nothing.
    latest: [Option<f64>; 4],
    priorities: [f64; 4],
}

impl Record {
    pub(super) fn new(priorities: [f64; 4]) -> Self {
        let priorities = priorities.map(|p| if p.is_finite() && p > 0.0 { p } else { 1.0 });
        Self { gains: [0.0; 4], costs: [0.0; 4], latest: [None; 4], priorities }
    }

    /// A task that used `cost` brought `gain`; what is not a positive number is no gain.
    pub(super) fn observe(&mut self, at: usize, cost: u64, gain: f64) {
        let gain = if gain.is_finite() { gain.clamp(0.0, 1e9) } else { 0.0 };
        let cost = cost.max(1) as f64;
        self.gains[at] += gain;
        self.costs[at] += cost;
        let rate = gain / cost;
        self.latest[at] = Some(self.latest[at].map_or(rate, |old| KEEP * old + (1.0 - KEEP) * rate));
    }

    /// By what to multiply shares. All 1 until somebody has gained something.
    pub(super) fn weights(&self, strategy: Strategy) -> [f64; 4] {
        match strategy {
            Strategy::Fixed => [1.0; 4],
            Strategy::Priority => self.priorities,
            Strategy::Dynamic => {
                let known: Vec<f64> = self.latest.iter().flatten().copied().collect();
                let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
                self.latest.map(|rate| relative(rate.unwrap_or(mean), mean))
            }
            Strategy::Adaptive => {
                let (gain, cost): (f64, f64) = (self.gains.iter().sum(), self.costs.iter().sum());
                let (mean, trust) = (gain / cost.max(1.0), TRUST * cost.max(1.0));
                std::array::from_fn(|i| {
                    let rate = (self.gains[i] + trust * mean) / (self.costs[i] + trust);
                    relative(rate, mean)
                })
            }
        }
    }
}

/// `rate` by `mean`, kept off 0 so that nobody's share vanishes for want of luck.
fn relative(rate: f64, mean: f64) -> f64 {
    if mean > 0.0 { (rate / mean).clamp(1e-3, 1e3) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &Record, strategy: Strategy, expected: [f64; 4]) {
        let found = record.weights(strategy);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{strategy:?}: {found:?}");
    }

    #[test]
    fn each_strategy_weighs_by_its_own_evidence() {
        let mut record = Record::new([4.0, f64::NAN, -1.0, 2.0]);
        for strategy in [Strategy::Fixed, Strategy::Dynamic, Strategy::Adaptive] {
            check(&record, strategy, [1.0; 4]);
        }
        check(&record, Strategy::Priority, [4.0, 1.0, 1.0, 2.0]);
        // The first one was good early and is not any more; the second the other way round.
        for round in 0..20 {
            let early = round < 10;
            record.observe(0, 10, if early { 3.0 } else { 0.0 });
            record.observe(1, 10, if early { 0.0 } else { 1.0 });
        }
        check(&record, Strategy::Fixed, [1.0; 4]);
        let [first, second, unknown, _] = record.weights(Strategy::Dynamic);
        assert!(second > 1.5 && first < 0.2 && (unknown - 1.0).abs() < 1e-12, "{first} {second} {unknown}");
        let [first, second, unknown, _] = record.weights(Strategy::Adaptive);
        assert!(first > second && (unknown - 1.0).abs() < 1e-12, "{first} {second} {unknown}");
        // 30 gained for 200 of 400 spent, and a twentieth of 400 trusted to everybody's rate of 0.1.
        assert!((first - (30.0 + 20.0 * 0.1) / (200.0 + 20.0) / 0.1).abs() < 1e-12, "{first}");
    }

    #[test]
    fn gains_that_are_no_numbers_are_none() {
        let mut record = Record::new([1.0; 4]);
        for gain in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY, -3.0] {
            record.observe(2, 0, gain);
        }
        for strategy in [Strategy::Dynamic, Strategy::Adaptive] {
            check(&record, strategy, [1.0; 4]);
        }
        record.observe(2, u64::MAX, f64::MAX);
        assert!(record.weights(Strategy::Adaptive).iter().all(|w| w.is_finite() && *w > 0.0));
    }
}
