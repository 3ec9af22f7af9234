//! Shorter prompts: which recorded one is no worse, and what else might go.

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{ScoredPrompt, Worth};
use crate::anatomy::Anatomy;
use crate::{Estimate, PromptError, Tokens, placeholder};

/// Bounds the loss that a shorter prompt may bring.
pub trait LossTest {
    /// A lower bound of the mean of differences in [-1, 1] that holds with probability 1 - `level` at least, whatever
    /// their distribution.
    fn lowest(&self, differences: &[f64], level: f64) -> f64;
}

/// A recorded prompt that is shorter and no worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shorter {
    /// The prompt.
    pub text: String,
    /// Its tokens, by [`Estimate`].
    pub tokens: usize,
    /// Its mean score less that of the longer prompt, over the examples that both have.
    pub difference: f64,
    /// What the difference is at least, by the test.
    pub lowest: f64,
    /// Examples that both have.
    pub examples: usize,
    /// Recorded prompts that were compared; each got its share of the level.
    pub compared: usize,
}

/// A prompt without the components that may be worth nothing. Nobody scored it yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fewer {
    /// The prompt.
    pub text: String,
    /// Its tokens, by [`Estimate`].
    pub tokens: usize,
    /// Positions of the components left out.
    pub gone: Vec<usize>,
}

impl Worth {
    /// The shortest recorded prompt with the same placeholders that is worse by less than `margin`, by the test on the
    /// examples that both have; none where none is. The level is shared evenly among all that could be meant.
    ///
    /// # Errors
    /// [`PromptError::Range`] when `margin` or `level` is not above 0 and below 1, or nobody scored the prompt.
    pub fn shorter(
        &self,
        text: &str,
        margin: f64,
        level: f64,
        test: &dyn LossTest,
    ) -> Result<Option<Shorter>, PromptError> {
        for (field, value) in [("margin", margin), ("level", level)] {
            if !(value > 0.0 && value < 1.0) {
                return Err(PromptError::range(field, value, "above 0 and below 1"));
            }
        }
        let Some(own) = self.prompts().iter().find(|p| p.text == text) else {
            return Err(PromptError::range(
                "the prompt",
                "a text without scores",
                "one of the scored prompts",
            ));
        };
        let (own_scores, own_tokens) = (by_example(own), Estimate.count(text));
        let mut shorter: Vec<(usize, &ScoredPrompt, Vec<f64>)> = Vec::new();
        for prompt in self.prompts() {
            let tokens = Estimate.count(&prompt.text);
            let same = placeholder::difference(text, &prompt.text) == (Vec::new(), Vec::new());
            let scores = by_example(prompt);
            let both = own_scores.iter().filter_map(|(e, old)| Some(scores.get(e)? - old));
            let differences: Vec<f64> = both.collect();
            if tokens < own_tokens && same && !differences.is_empty() {
                shorter.push((tokens, prompt, differences));
            }
        }
        shorter.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.text.cmp(&b.1.text)));
        let compared = shorter.len();
        for (tokens, prompt, differences) in shorter {
            let lowest = test.lowest(&differences, level / compared as f64);
            if lowest > -margin {
                let examples = differences.len();
                let difference = differences.iter().sum::<f64>() / examples as f64;
                let text = prompt.text.clone();
                return Ok(Some(Shorter { text, tokens, difference, lowest, examples, compared }));
            }
        }
        Ok(None)
    }

    /// The prompt without the components whose interval holds 0 or lies below, none of them with a placeholder; none
    /// where there are none. The wider the intervals the more goes: it is for fresh scores to say whether that is right.
    pub fn fewer(&self, text: &str, stream: &Stream) -> Option<Fewer> {
        let anatomy = Anatomy::of(text);
        let values = self.of_prompt(text, stream);
        let idle = |i: &usize| {
            let component = &anatomy.components()[*i];
            let fixed = !placeholder::find(anatomy.text_of(component)).is_empty();
            values[*i].is_some_and(|w| w.low <= 0.0) && !fixed
        };
        let gone: Vec<usize> = (0..values.len()).filter(idle).collect();
        let short = anatomy.without(&gone);
        let sound = placeholder::difference(text, &short) == (Vec::new(), Vec::new());
        let (old, tokens) = (Estimate.count(text), Estimate.count(&short));
        (sound && tokens < old && !short.trim().is_empty()).then_some(Fewer { text: short, tokens, gone })
    }
}

/// The mean score on every example.
fn by_example(prompt: &ScoredPrompt) -> BTreeMap<u64, f64> {
    let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (example, score) in &prompt.scores {
        let (sum, n) = sums.entry(*example).or_default();
        (*sum, *n) = (*sum + score, *n + 1.0);
    }
    sums.into_iter().map(|(example, (sum, n))| (example, sum / n)).collect()
}
