use std::fmt::Debug;

use prompt_grammar::PromptError;
use serde::{Deserialize, Serialize};

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
    /// The share of systems that nothing chooses: one line of the leader changed at random.
    pub unscreened: f64,
    /// The share of systems that are best by what is expected, not by a draw.
    pub greedy: f64,
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
            unscreened: 0.1,
            greedy: 0.3,
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
        within("caution", self.caution.is_finite(), &self.caution, "numbers")?;
        within("power", self.power.is_finite(), &self.power, "numbers")?;
        let shares = [
            ("unscreened", self.unscreened),
            ("greedy", self.greedy),
            ("rare", self.rare),
            ("floor", self.floor),
            ("loyal", self.loyal),
            ("unscreened + greedy", self.unscreened + self.greedy),
        ];
        shares.into_iter().try_for_each(|(f, x)| within(f, (0.0..=1.0).contains(&x), &x, "0 to 1"))
    }
}
