use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule, Window, highest};

/// Upper confidence bounds on the rewards of a sliding window (Garivier & Moulines 2011).
///
/// Every arm is tried once. An arm whose rewards have all left the window is tried again with probability `retry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlidingWindowUcb {
    /// Rewards remembered, over all arms.
    pub window: usize,
    /// Weight of the bonus for arms seen rarely.
    pub exploration: f64,
    /// Probability that an arm without a reward in the window is tried.
    pub retry: f64,
    #[serde(default)]
    seen: Vec<u64>,
    #[serde(default)]
    rewards: Window,
}

impl SlidingWindowUcb {
    /// Of these settings, with nothing seen.
    pub fn new(window: usize, exploration: f64, retry: f64) -> Self {
        Self { window, exploration, retry, seen: Vec::new(), rewards: Window::default() }
    }
}

impl Default for SlidingWindowUcb {
    fn default() -> Self {
        Self::new(12, 0.25, 0.15)
    }
}

impl Rule for SlidingWindowUcb {
    const SCHEMA: &'static str = "rl-selector/sliding-window-ucb";

    fn open(&mut self, arms: usize) {
        self.seen.resize(arms, 0);
    }

    fn fits(&self, arms: usize) -> bool {
        self.seen.len() == arms && self.rewards.fits(arms)
    }

    fn pick(&self, open: &[usize], _: &[f64], rng: &mut Stream) -> Pick {
        if let Some(arm) = open.iter().find(|arm| self.seen[**arm] == 0) {
            return Pick::sure(*arm, 0.5);
        }
        let stale: Vec<usize> = open.iter().copied().filter(|arm| self.rewards.of(*arm).0 == 0.0).collect();
        let retry = rng.chance(self.retry);
        if (retry || stale.len() == open.len())
            && let Some(arm) = rng.pick(&stale)
        {
            return Pick::sure(*arm, 0.5);
        }
        let log = (self.rewards.0.len().max(2) as f64).ln();
        let bound = |arm: usize| match self.rewards.of(arm) {
            (n, sum) if n > 0.0 => sum / n + self.exploration * (log / n).sqrt(),
            _ => f64::NEG_INFINITY,
        };
        let arm = highest(open, bound);
        let (n, sum) = self.rewards.of(arm);
        Pick::sure(arm, sum / n.max(1.0))
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        self.seen[pick.arm] += 1;
        self.rewards.push(pick.arm, reward, self.window);
    }
}
