use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule};
use crate::History;

/// Runs the arm with the best own result until it stalls: arms are ranked by the best each found itself, and each of
/// its own blocks in a row that did not improve that best sets an arm back by `patience` ranks over the square root of
/// the blocks it ran: an arm that brought much for long is waited for longer.
///
/// Every arm is tried once. The context is the features of a [`History`]; with any other context the rewards stand in:
/// an arm ranks by the last reward it got, and one of 0 is a stall that costs `patience` ranks. There is nothing else to learn, so a run costs
/// hardly more than trying every arm once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Ranks a stalled block costs an arm that ran but once.
    pub patience: f64,
    /// For each arm rewards taken, the last positive one, and rewards of 0 in a row.
    #[serde(default)]
    arms: Vec<(u64, f64, u64)>,
}

impl Progress {
    /// Of this patience, with nothing seen.
    pub fn new(patience: f64) -> Self {
        Self { patience, arms: Vec::new() }
    }

    /// For each arm how far its best is from the incumbent, and how many of its blocks in a row stalled.
    fn standing(&self, context: &[f64]) -> Vec<(f64, f64)> {
        History::standing(context, self.arms.len()).unwrap_or_else(|| {
            let stall = |(taken, last, stalled): &(u64, f64, u64)| {
                (1.0 - last, *stalled as f64 * (*taken as f64).sqrt())
            };
            self.arms.iter().map(stall).collect()
        })
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(5.0)
    }
}

impl Rule for Progress {
    const SCHEMA: &'static str = "rl-selector/progress";

    fn open(&mut self, arms: usize) {
        self.arms.resize(arms, (0, 0.0, 0));
    }

    fn fits(&self, arms: usize) -> bool {
        self.arms.len() == arms && self.arms.iter().all(|(_, last, _)| (0.0..=1.0).contains(last))
    }

    fn pick(&self, open: &[usize], context: &[f64], _: &mut Stream) -> Pick {
        if let Some(arm) = open.iter().find(|arm| self.arms[**arm].0 == 0) {
            return Pick::sure(*arm, 0.0);
        }
        let standing = self.standing(context);
        let cost = |arm: usize| {
            let (gap, stalled) = standing[arm];
            let rank = open.iter().filter(|other| standing[**other].0 < gap).count();
            rank as f64 + self.patience * stalled / (self.arms[arm].0.max(1) as f64).sqrt()
        };
        let arm = super::highest(open, |arm| -cost(arm));
        Pick::sure(arm, self.arms[arm].1)
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        let (taken, last, stalled) = &mut self.arms[pick.arm];
        *taken += 1;
        if reward > 0.0 {
            (*last, *stalled) = (reward, 0);
        } else {
            *stalled += 1;
        }
    }
}
