use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule};

/// Exponential weights for rewards chosen by an adversary (Auer, Cesa-Bianchi, Freund, Schapire 2002).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exp3 {
    /// Share of choices made uniformly; 0 to 1.
    pub exploration: f64,
    /// Logarithm of each arm's weight, the highest at 0.
    #[serde(default)]
    logs: Vec<f64>,
}

impl Exp3 {
    /// Of this share of uniform choices, with nothing seen.
    pub fn new(exploration: f64) -> Self {
        Self {
            exploration: if exploration.is_finite() { exploration.clamp(0.0, 1.0) } else { 1.0 },
            logs: Vec::new(),
        }
    }
}

impl Default for Exp3 {
    fn default() -> Self {
        Self::new(0.2)
    }
}

impl Rule for Exp3 {
    const SCHEMA: &'static str = "rl-selector/exp3";

    fn open(&mut self, arms: usize) {
        self.logs.resize(arms, 0.0);
    }

    fn fits(&self, arms: usize) -> bool {
        self.logs.len() == arms && self.logs.iter().all(|l| *l <= 0.0 && l.is_finite())
    }

    fn pick(&self, open: &[usize], _: &[f64], rng: &mut Stream) -> Pick {
        let top = open.iter().map(|arm| self.logs[*arm]).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = open.iter().map(|arm| (self.logs[*arm] - top).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let uniform = self.exploration / open.len() as f64;
        let chances: Vec<f64> =
            weights.iter().map(|w| (1.0 - self.exploration) * w / sum + uniform).collect();
        let place = rng.weighted(&chances).unwrap_or(0);
        Pick { arm: open[place], value: chances[place], probability: chances[place] }
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        let arms = self.logs.len() as f64;
        self.logs[pick.arm] += self.exploration * reward / (pick.probability * arms);
        let top = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // A floor keeps the written form finite and lets an arm come back.
        for log in &mut self.logs {
            *log = (*log - top).max(-50.0);
        }
    }
}
