use serde::{Deserialize, Serialize};

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
    /// 0 finds good prompts soonest; 1.5 and more keep a seed that nothing beats clearly.
    pub conviction: f64,
    /// Reflections asked for, for each example call; 0 to 1.
    pub reflections: f64,
    /// Failed examples a reflection is shown; at least 1.
    pub failures: usize,
    /// Rounds between two fits of the whole model, or one for every 40 prompts where that is more; in between new prompts
    /// are added to the last. At least 1.
    pub fit_every: u64,
    /// Rounds between two steps of the model's variances, or one for every 10 prompts where that is more; at least 1.
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
            reflections: 0.05,
            failures: 3,
            fit_every: 4,
            learn_every: 8,
        }
    }
}

impl ModelOptions {
    pub(super) fn check(&self) -> Result<(), PromptError> {
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
