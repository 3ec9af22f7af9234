use serde::{Deserialize, Serialize};

use super::confirm::Confirm;
use crate::PromptError;

/// Settings of [`ModelSearch`](super::ModelSearch).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelOptions {
    /// Examples a prompt is tried on at a time; at least 1.
    pub block: usize,
    /// Random prompts tried at the start.
    pub initial: usize,
    /// Draws from the posterior a round; at least 1.
    pub draws: usize,
    /// How far draws lie from the posterior mean, in posterior standard deviations; 0.1 to 2.
    pub temperature: f64,
    /// How many standard deviations below its mean a prompt is valued when one is to be returned; 0 to 3.
    pub caution: f64,
    /// By how many standard deviations of the difference a prompt must be better than the seed to be returned; 0 to 5.
    /// 0 finds good prompts soonest; for the end see `confirm`.
    pub conviction: f64,
    /// How the prompt to be returned in the end is held against the seed, where the budget is known.
    pub confirm: Confirm,
    /// The share of the example calls that may go into randomised toggles of patterns found in the results, which confirm
    /// them; 0 to 0.1. See [`ModelSearch::patterns`](super::ModelSearch::patterns).
    pub toggles: f64,
    /// Reflections asked for, for each example call; 0 to 1.
    pub reflections: f64,
    /// Failed examples a reflection is shown; at least 1.
    pub failures: usize,
    /// Rounds between two fits of the whole model, or one for every 40 prompts where that is more; in between new prompts
    /// are added to the last. In the first rounds, twice as many as that, every one fits. At least 1.
    pub fit_every: u64,
    /// The same of steps of the model's variances, with one for every 10 prompts; at least 1.
    pub learn_every: u64,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            block: 6,
            initial: 12,
            draws: 3,
            temperature: 0.2,
            caution: 0.5,
            conviction: 0.0,
            confirm: Confirm::default(),
            toggles: 0.0,
            reflections: 0.05,
            failures: 3,
            fit_every: 4,
            learn_every: 8,
        }
    }
}

impl ModelOptions {
    pub(super) fn check(&self) -> Result<(), PromptError> {
        self.confirm.check()?;
        let least = [
            ("block", self.block),
            ("draws", self.draws),
            ("failures", self.failures),
            ("fit_every", usize::try_from(self.fit_every).unwrap_or(usize::MAX)),
            ("learn_every", usize::try_from(self.learn_every).unwrap_or(usize::MAX)),
        ];
        if let Some((field, value)) = least.into_iter().find(|(_, n)| *n == 0) {
            return Err(PromptError::range(field, value, "at least 1"));
        }
        let ranges = [
            ("temperature", self.temperature, 0.1, 2.0),
            ("caution", self.caution, 0.0, 3.0),
            ("conviction", self.conviction, 0.0, 5.0),
            ("toggles", self.toggles, 0.0, 0.1),
            ("reflections", self.reflections, 0.0, 1.0),
        ];
        match ranges.into_iter().find(|(_, value, low, high)| !(*low..=*high).contains(value)) {
            Some((field, value, low, high)) => {
                Err(PromptError::range(field, value, &format!("{low} to {high}")))
            }
            None => Ok(()),
        }
    }
}
