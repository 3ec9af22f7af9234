use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule, highest};

/// Adaptive pursuit (Thierens 2005): probabilities are drawn towards the arm of the highest running mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaptivePursuit {
    /// Step of the running means; above 0, at most 1.
    pub adaptation: f64,
    /// Step of the probabilities; above 0, at most 1.
    pub pursuit: f64,
    /// Least probability of an arm.
    pub least: f64,
    /// Running mean and probability of each arm.
    #[serde(default)]
    arms: Vec<(f64, f64)>,
}

impl AdaptivePursuit {
    /// Of these settings, with nothing seen.
    pub fn new(adaptation: f64, pursuit: f64, least: f64) -> Self {
        Self { adaptation, pursuit, least, arms: Vec::new() }
    }
}

impl Default for AdaptivePursuit {
    fn default() -> Self {
        Self::new(0.3, 0.3, 0.05)
    }
}

impl Rule for AdaptivePursuit {
    const SCHEMA: &'static str = "rl-selector/adaptive-pursuit";

    fn open(&mut self, arms: usize) {
        self.arms.resize(arms, (0.5, 1.0 / arms.max(1) as f64));
    }

    fn fits(&self, arms: usize) -> bool {
        self.arms.len() == arms && self.arms.iter().all(|(q, p)| q.is_finite() && (0.0..=1.0).contains(p))
    }

    fn pick(&self, open: &[usize], _: &[f64], rng: &mut Stream) -> Pick {
        let weights: Vec<f64> = open.iter().map(|arm| self.arms[*arm].1).collect();
        let place = rng.weighted(&weights).unwrap_or(0);
        let sum: f64 = weights.iter().sum();
        let probability = if sum > 0.0 { weights[place] / sum } else { 1.0 };
        Pick { arm: open[place], value: self.arms[open[place]].0, probability }
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        let mean = &mut self.arms[pick.arm].0;
        *mean += self.adaptation * (reward - *mean);
        let every: Vec<usize> = (0..self.arms.len()).collect();
        let best = highest(&every, |arm| self.arms[arm].0);
        let least = self.least.min(1.0 / every.len() as f64);
        for arm in every {
            let goal = if arm == best { 1.0 - least * (self.arms.len() - 1) as f64 } else { least };
            let probability = &mut self.arms[arm].1;
            *probability = (*probability + self.pursuit * (goal - *probability)).clamp(0.0, 1.0);
        }
    }
}
