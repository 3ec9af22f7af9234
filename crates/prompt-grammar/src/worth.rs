//! What the components of prompts are worth, by all prompts that were scored.
//!
//! [`Worth`] takes prompts of any origin with their scores apart into [components](crate::anatomy), makes a
//! [space](crate::space) of those that some prompts have and others lack, and fits the [model](crate::model) to it. So
//! a component is credited over all prompts that share it, examples of different difficulty compare, and every value
//! has an interval. What a search chose is not randomised: values are observational.

mod groups;
mod shorten;

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use self::groups::Groups;
use crate::anatomy::{Anatomy, key};
use crate::attribution::{Index, indices, shapley};
use crate::model::Posterior;
use crate::space::Choices;
use crate::{AnalysisDepth, PromptConfig, PromptError};

pub use self::shorten::{Fewer, LossTest, Shorter};

/// Draws of the posterior behind intervals.
const DRAWS: u64 = 200;
/// Steps of the model's variances.
const STEPS: usize = 12;
/// Examples told apart.
const MOST_EXAMPLES: usize = 5000;

/// A prompt and what it scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoredPrompt {
    /// The prompt.
    pub text: String,
    /// Example and score in [0, 1]; an example may come again.
    pub scores: Vec<(u64, f64)>,
}

impl ScoredPrompt {
    /// The mean score; 0 without scores.
    pub fn mean(&self) -> f64 {
        self.scores.iter().map(|(_, s)| s).sum::<f64>() / self.scores.len().max(1) as f64
    }
}

/// What a component of a prompt is worth in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComponentWorth {
    /// Shapley value in log odds of success, beside the prompt without any of the components that can be judged.
    pub value: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
    /// The same as a change of the mean score, for small values.
    pub points: f64,
    /// Prompts that have it.
    pub support: usize,
    /// Components that exactly the same prompts have, this one included: the value is that of all together.
    pub together: usize,
    /// How much of its part in the variation of scores comes from acting together with others; in deep analysis alone.
    pub interaction: Option<f64>,
}

/// Scored prompts, taken apart and fitted.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::PromptConfig;
/// use prompt_grammar::worth::{ScoredPrompt, Worth};
/// let texts = ["Sort it.", "Sort it. Be brief.", "Sort it. Check twice.", "Sort it. Be brief. Check twice."];
/// let scored: Vec<ScoredPrompt> = texts
///     .iter()
///     .map(|text| {
///         let good = f64::from(u8::from(text.contains("twice")));
///         ScoredPrompt { text: text.to_string(), scores: (0..20).map(|e| (e, good)).collect() }
///     })
///     .collect();
/// let config = PromptConfig { min_component_frequency: 1, ..PromptConfig::default() };
/// let worth = Worth::of(&scored, &config)?;
/// let values = worth.of_prompt(texts[3], &Stream::root(0));
/// assert!(values[0].is_none(), "every prompt says 'Sort it.'");
/// assert!(values[2].unwrap().low > 0.0 && values[1].unwrap().low < 0.0);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Worth {
    prompts: Vec<ScoredPrompt>,
    groups: Groups,
    posterior: Posterior,
    depth: AnalysisDepth,
}

impl Worth {
    /// Takes prompts apart and fits the model. Equal texts are one prompt.
    ///
    /// Components that fewer than `min_component_frequency` prompts have, or that all have, cannot be judged; of more
    /// than 60 groups of components those count that come nearest to half of the prompts. O(prompts^3 + prompts x groups^2).
    ///
    /// # Errors
    /// [`PromptError::Range`] for scores outside of [0, 1] or an unsound configuration, [`PromptError::Empty`] when
    /// fewer than two prompts have scores or nothing distinguishes them.
    pub fn of(scored: &[ScoredPrompt], config: &PromptConfig) -> Result<Self, PromptError> {
        config.validate()?;
        let prompts = joined(scored)?;
        if prompts.len() < 2 {
            return Err(PromptError::Empty { what: "the list of further prompts with scores" });
        }
        let groups = Groups::of(&prompts, config.min_component_frequency)?;
        let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
        for (example, _) in prompts.iter().flat_map(|p| &p.scores) {
            let next = numbers.len() % MOST_EXAMPLES;
            numbers.entry(*example).or_insert(next);
        }
        let mut posterior = Posterior::new(groups.space().clone(), numbers.len().min(MOST_EXAMPLES));
        for prompt in &prompts {
            let number = posterior.add(&groups.choices(&prompt.text));
            for (example, score) in &prompt.scores {
                posterior.observe(number, numbers[example], *score);
            }
        }
        posterior.fit();
        for _ in 0..STEPS {
            posterior.learn_variances();
            posterior.fit();
        }
        Ok(Self { prompts, groups, posterior, depth: config.component_analysis_depth })
    }

    /// The prompts, equal texts joined, in the order given.
    pub fn prompts(&self) -> &[ScoredPrompt] {
        &self.prompts
    }

    /// Position of the prompt with the highest lower bound: posterior mean less half a standard deviation.
    pub fn best(&self) -> usize {
        let bound = |i: usize| self.posterior.value(i) - 0.5 * self.posterior.deviation(i);
        (0..self.prompts.len()).max_by(|a, b| bound(*a).total_cmp(&bound(*b)).then(b.cmp(a))).unwrap_or(0)
    }

    /// What each component of a prompt is worth, in the order of [`Anatomy::components`]; none where it cannot be judged.
    pub fn of_prompt(&self, text: &str, stream: &Stream) -> Vec<Option<ComponentWorth>> {
        let (space, prompt) = (self.groups.space(), self.groups.choices(text));
        let shares = shapley(&self.posterior, space, &prompt, &space.seed(), DRAWS, stream);
        let deep = self.depth == AnalysisDepth::Deep;
        let all: Vec<Index> = if deep { indices(&self.posterior, space, stream) } else { Vec::new() };
        let anatomy = Anatomy::of(text);
        let success = self.success(&prompt);
        let worth = |component: &crate::anatomy::Component| {
            let slot = self.groups.slot_of(&key(anatomy.text_of(component)))?;
            let share = shares.iter().find(|s| s.slot == Some(slot))?;
            let interaction =
                all.get(slot).filter(|i| i.total > 1e-9).map(|i| (1.0 - i.main / i.total).clamp(0.0, 1.0));
            Some(ComponentWorth {
                value: share.value,
                low: share.low,
                high: share.high,
                points: share.value * success * (1.0 - success),
                support: self.groups.support(slot),
                together: self.groups.size(slot),
                interaction,
            })
        };
        anatomy.components().iter().map(worth).collect()
    }

    fn success(&self, prompt: &Choices) -> f64 {
        let (mean, _) = self.posterior.predict(prompt);
        self.posterior.success(mean)
    }
}

/// Equal texts as one prompt; prompts without scores are left out.
fn joined(scored: &[ScoredPrompt]) -> Result<Vec<ScoredPrompt>, PromptError> {
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out: Vec<ScoredPrompt> = Vec::new();
    for prompt in scored.iter().filter(|p| !p.scores.is_empty()) {
        if let Some((_, score)) = prompt.scores.iter().find(|(_, s)| !(0.0..=1.0).contains(s)) {
            return Err(PromptError::range("score", score, "0 to 1"));
        }
        let place = *at.entry(&prompt.text).or_insert_with(|| {
            out.push(ScoredPrompt { text: prompt.text.clone(), scores: Vec::new() });
            out.len() - 1
        });
        out[place].scores.extend(&prompt.scores);
    }
    Ok(out)
}
