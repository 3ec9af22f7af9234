use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule, Window, highest};

/// Credit by rank: the share of the area under the rank curve that belongs to an arm (Fialho, Schoenauer, Sebag 2010).
///
/// Rewards of the window are sorted; each gives its arm a credit that decays with its rank, so that only the order of
/// rewards counts and rare large ones are not averaged away. Every arm is tried once; upper confidence bounds on the
/// credit decide afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AucRank {
    /// Rewards remembered, over all arms.
    pub window: usize,
    /// Weight of the bonus for arms seen rarely.
    pub exploration: f64,
    /// Decay of the credit from one rank to the next.
    pub decay: f64,
    #[serde(default)]
    seen: Vec<u64>,
    #[serde(default)]
    rewards: Window,
}

impl AucRank {
    /// Of these settings, with nothing seen.
    pub fn new(window: usize, exploration: f64, decay: f64) -> Self {
        Self { window, exploration, decay, seen: Vec::new(), rewards: Window::default() }
    }

    /// The credit of each arm; the sum is 1 once something was rewarded.
    fn credits(&self) -> Vec<f64> {
        // Of equal rewards the newer ranks first: what an arm brought long ago says less.
        let mut order: Vec<&(usize, f64)> = self.rewards.0.iter().rev().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut credits = vec![0.0; self.seen.len()];
        let mut weight = 1.0;
        for (rank, (arm, _)) in order.iter().enumerate() {
            credits[*arm] += weight * (order.len() - rank) as f64;
            weight *= self.decay;
        }
        let sum: f64 = credits.iter().sum();
        credits.into_iter().map(|c| c / sum.max(1e-12)).collect()
    }
}

impl Default for AucRank {
    fn default() -> Self {
        Self::new(50, 0.33, 0.98)
    }
}

impl Rule for AucRank {
    const SCHEMA: &'static str = "rl-selector/auc-rank";

    fn open(&mut self, arms: usize) {
        self.seen.resize(arms, 0);
    }

    fn fits(&self, arms: usize) -> bool {
        self.seen.len() == arms && self.rewards.fits(arms)
    }

    fn pick(&self, open: &[usize], _: &[f64], _: &mut Stream) -> Pick {
        if let Some(arm) = open.iter().find(|arm| self.seen[**arm] == 0 || self.rewards.of(**arm).0 == 0.0) {
            return Pick::sure(*arm, 0.0);
        }
        let credits = self.credits();
        let log = (self.rewards.0.len().max(2) as f64).ln();
        let bound =
            |arm: usize| credits[arm] + self.exploration * (2.0 * log / self.rewards.of(arm).0).sqrt();
        let arm = highest(open, bound);
        let (n, sum) = self.rewards.of(arm);
        Pick::sure(arm, sum / n)
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        self.seen[pick.arm] += 1;
        self.rewards.push(pick.arm, reward, self.window);
    }
}
