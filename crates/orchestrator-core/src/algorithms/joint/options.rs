use std::collections::BTreeMap;
use std::fmt::Debug;

use coordination::Component;
use prompt_grammar::PromptError;
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use crate::posterior::Prior;

/// Settings of [`Joint`](super::Joint). The defaults were chosen on simulated instances below 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Examples a block, by the number of results before it: (from, examples), in increasing order; at least 1.
    pub blocks: Vec<(u64, usize)>,
    /// Blocks the seed meets first; at least 1.
    pub first: usize,
    /// Texts that are rewritten a round.
    pub rewrites: usize,
    /// Which components are rewritten, by the number of results before: (from, names), in increasing order. All when it is
    /// empty. A component that is never rewritten keeps the seed's text.
    pub turns: Vec<(u64, Vec<String>)>,
    /// Rewrites in a row without a new line after which they become rare.
    pub dry: u64,
    /// The share of rounds that still rewrite then.
    pub rare: f64,
    /// How often each operator proposes, in proportion. Those that are absent never do, but for the turns of pillars that
    /// are held to a part of the budget, and for [`Operator::ParetoSampling`], which stands in where none has anything to
    /// work with.
    pub operators: BTreeMap<Operator, f64>,
    /// The share of proposals whose operator a selector chooses, where there is one.
    pub learned: f64,
    /// The share of a pillar's proposals that its own search makes, where it has one ([`super::Joint::with_inner`]); the others
    /// combine what is known.
    pub inventive: f64,
    /// Lines that are known before any text has them, by component: they are combined from the first round on.
    pub vocabulary: BTreeMap<String, Vec<String>>,
    /// The pillar that `component`, or `component/topic`, belongs to; prompts where nothing is said.
    pub pillars: BTreeMap<String, Component>,
    /// Results after which the search ends, if any.
    pub most_results: Option<u64>,
    /// Results without progress after which the search ends, if any.
    pub patience: Option<u64>,
    /// By how much the mean of the recommendation must rise for progress; at least 0.
    pub progress: f64,
    /// Most failures shown to the proposer, all with the same complaint.
    pub evidence: usize,
    /// Standard deviations below its mean that a recommendation is judged by.
    pub caution: f64,
    /// Share of the choice of examples that is uniform; in [0, 1].
    pub floor: f64,
    /// A complaint heard n times is shown with weight n to this power.
    pub power: f64,
    /// The probability that the leader's text is rewritten and not the drawn system's.
    pub loyal: f64,
    /// Most characters of a text that is combined from others.
    pub longest: usize,
    /// What is believed before any result.
    pub prior: Prior,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            blocks: vec![(0, 8), (400, 16), (1500, 32)],
            first: 2,
            rewrites: 3,
            turns: Vec::new(),
            dry: 10,
            rare: 0.25,
            operators: [
                (Operator::ParetoSampling, 0.6),
                (Operator::SystemAwareMerge, 0.3),
                (Operator::RandomSearch, 0.1),
            ]
            .into(),
            learned: 0.5,
            inventive: 0.5,
            vocabulary: BTreeMap::new(),
            pillars: BTreeMap::new(),
            most_results: None,
            patience: None,
            progress: 0.0,
            evidence: 3,
            caution: 1.0,
            floor: 0.2,
            power: 1.0,
            loyal: 0.7,
            longest: 10_000,
            prior: Prior::default(),
        }
    }
}

impl Options {
    /// Examples of the next block after so many results.
    pub(crate) fn block(&self, results: u64) -> usize {
        self.blocks.iter().rev().find(|(from, _)| *from <= results).map_or(1, |(_, size)| (*size).max(1))
    }

    /// The operators' weights in the order of [`Operator::ALL`].
    pub(super) fn weights(&self) -> [f64; Operator::ALL.len()] {
        Operator::ALL.map(|operator| self.operators.get(&operator).copied().unwrap_or(0.0))
    }

    /// The pillar that a topic of a component belongs to.
    pub(super) fn pillar(&self, component: &str, topic: &str) -> Component {
        let own = self.pillars.get(&format!("{component}/{topic}"));
        own.or_else(|| self.pillars.get(component)).copied().unwrap_or(Component::Prompt)
    }

    /// Whether a component is rewritten after so many results.
    pub(super) fn rewrites(&self, component: &str, results: u64) -> bool {
        let turn = self.turns.iter().rev().find(|(from, _)| *from <= results);
        self.turns.is_empty() || turn.is_some_and(|(_, names)| names.iter().any(|n| n == component))
    }

    /// Checks every range.
    pub(super) fn check(&self) -> Result<(), PromptError> {
        let within = |field: &str, sound: bool, value: &dyn Debug, allowed: &str| {
            let (field, value) = (format!("joint.{field}"), format!("{value:?}"));
            let fault = PromptError::Range { field, value, allowed: allowed.into() };
            if sound { Ok(()) } else { Err(fault) }
        };
        let blocks = self.blocks.first().is_some_and(|b| b.0 == 0) && self.blocks.iter().all(|b| b.1 > 0);
        within("blocks", blocks, &self.blocks, "from 0 on, at least 1 example each")?;
        within("first", self.first > 0, &self.first, "at least 1")?;
        let progress = self.progress.is_finite() && self.progress >= 0.0;
        within("progress", progress, &self.progress, "0 and more")?;
        within("caution", self.caution.is_finite(), &self.caution, "numbers")?;
        within("power", self.power.is_finite(), &self.power, "numbers")?;
        let weights = self.weights();
        let sound = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && weights.iter().sum::<f64>() > 0.0;
        within("operators", sound, &self.operators, "weights of at least 0, one of them above")?;
        let shares = [
            ("inventive", self.inventive),
            ("learned", self.learned),
            ("rare", self.rare),
            ("floor", self.floor),
            ("loyal", self.loyal),
        ];
        shares.into_iter().try_for_each(|(f, x)| within(f, (0.0..=1.0).contains(&x), &x, "0 to 1"))
    }
}
