use meta_traits::Level;
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Margin, SPANS};
use crate::History;

/// What held-out problems said of a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trust {
    pub(super) level: Level,
    pub(super) margin: Margin,
    /// Mean score when the level decides alone.
    pub(super) score: f64,
}

/// How a level did on runs it had not learnt from.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) level: Level,
    pub(super) calibration: Calibration,
    pub(super) sum: f64,
    pub(super) runs: usize,
}

impl Found {
    pub(super) fn of(level: Level) -> Self {
        Self { level, calibration: Calibration::default(), sum: 0.0, runs: 0 }
    }

    pub(super) fn trust(&self, alpha: f64) -> Trust {
        Trust {
            level: self.level,
            margin: self.calibration.margin(alpha),
            score: self.sum / self.runs.max(1) as f64,
        }
    }
}

pub(super) fn span(history: &History) -> usize {
    (history.used() * SPANS / history.budget()).min(SPANS - 1)
}
