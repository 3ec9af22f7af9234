use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Rewards and selections that count as recent.
const RECENT: usize = 10;

/// What one arm has brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArmMetrics {
    /// Finite rewards.
    pub count: u64,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// Their standard deviation (population); 0 with fewer than two.
    pub sd: f64,
    /// Mean of the latest ten; 0 without any.
    pub recent: f64,
}

/// How a [`crate::DoubleDqn`] stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DqnMetrics {
    /// One an arm, in the order of the arms.
    pub arms: Vec<ArmMetrics>,
    /// Experiences held.
    pub buffer_size: usize,
    /// Experiences ever taken in, those of earlier runs among them.
    pub experience: u64,
    /// Whether there is experience enough to learn from.
    pub warmed_up: bool,
    /// Gradient steps.
    pub updates: u64,
    /// Decisions.
    pub decisions: u64,
    /// Share of choices that are drawn rather than the best known.
    pub exploration: f64,
    /// The latest ten arms, the oldest first.
    pub last_selections: Vec<usize>,
    /// Mean of all finite rewards: what a choice is compared with.
    pub baseline: f64,
}

/// The running sums behind [`DqnMetrics`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    arms: Vec<ArmTally>,
    pub(crate) last: VecDeque<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct ArmTally {
    count: u64,
    mean: f64,
    squares: f64,
    recent: VecDeque<f64>,
}

impl Tally {
    pub(crate) fn new(arms: usize) -> Self {
        Self { arms: vec![ArmTally::default(); arms], last: VecDeque::new() }
    }

    pub(crate) fn arms_len(&self) -> usize {
        self.arms.len()
    }

    pub(crate) fn select(&mut self, arm: usize) {
        keep(&mut self.last, arm);
    }

    /// Welford (1962).
    pub(crate) fn reward(&mut self, arm: usize, reward: f64) {
        let Some(tally) = self.arms.get_mut(arm) else { return };
        tally.count += 1;
        let before = reward - tally.mean;
        tally.mean += before / tally.count as f64;
        tally.squares += before * (reward - tally.mean);
        keep(&mut tally.recent, reward);
    }

    pub(crate) fn arms(&self) -> Vec<ArmMetrics> {
        let metrics = |tally: &ArmTally| ArmMetrics {
            count: tally.count,
            mean: tally.mean,
            sd: (tally.squares / tally.count.max(1) as f64).sqrt(),
            recent: tally.recent.iter().sum::<f64>() / tally.recent.len().max(1) as f64,
        };
        self.arms.iter().map(metrics).collect()
    }

    pub(crate) fn baseline(&self) -> f64 {
        let count: u64 = self.arms.iter().map(|t| t.count).sum();
        self.arms.iter().map(|t| t.mean * t.count as f64).sum::<f64>() / count.max(1) as f64
    }
}

fn keep<T>(recent: &mut VecDeque<T>, item: T) {
    recent.push_back(item);
    if recent.len() > RECENT {
        recent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_plain_formulas() {
        let mut tally = Tally::new(2);
        let rewards: Vec<f64> = (0..25).map(|i| f64::from(i * i % 11)).collect();
        for reward in &rewards {
            tally.reward(1, *reward);
        }
        tally.reward(9, 1.0);
        (0..12).for_each(|i| tally.select(i % 2));
        let mean = rewards.iter().sum::<f64>() / 25.0;
        let sd = (rewards.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 25.0).sqrt();
        let arms = tally.arms();
        assert_eq!(arms[0], ArmMetrics::default());
        assert!((arms[1].mean - mean).abs() < 1e-12 && (arms[1].sd - sd).abs() < 1e-12);
        assert!((arms[1].recent - rewards[15..].iter().sum::<f64>() / 10.0).abs() < 1e-12);
        assert!((tally.baseline() - mean).abs() < 1e-12);
        assert_eq!(tally.last, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    }
}
