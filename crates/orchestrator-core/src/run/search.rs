use meta_traits::{Components, DynSnapshot, Optimizer};
use serde::{Deserialize, Serialize};

use crate::experience::Experience;

/// What the run loop drives: an optimizer of texts whose state can be saved.
pub trait Search: Optimizer<Candidate = Components> + DynSnapshot + Send {
    /// Decisions taken since the last call, in words, oldest first.
    fn decisions(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What each of its algorithms was given and brought; empty where it is one algorithm.
    fn credits(&self) -> Vec<Credit> {
        Vec::new()
    }

    /// What it leaves to later runs of the same task, if anything.
    fn experience(&self) -> Option<Experience> {
        None
    }

    /// Which of its algorithms proposed what was measured, and for how many metric calls in a row, in order; empty where it
    /// is one algorithm.
    fn history(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// What an algorithm was given and brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// Its name.
    pub algorithm: String,
    /// The pillar whose part of the budget paid.
    pub pillar: String,
    /// The share of the metric calls that this pillar is meant to have in the end; none where the budget is not divided.
    pub intended: Option<f64>,
    /// Candidates that it proposed.
    pub proposals: u64,
    /// Metric calls spent on them.
    pub calls: u64,
    /// By how much the recommendation's estimate rose when one of them was measured, in all.
    pub gain: f64,
}
