use std::collections::BTreeSet;

use meta_traits::{ExampleId, Stream};
use serde::{Deserialize, Serialize};

use super::{ModelSearch, Origin, Planned};
use crate::pattern::{
    Confirmation, Difference, Evidence, Finding, Observed, PatternOptions, SpaceItems, confirm, find,
};
use crate::space::Choices;

/// Prompts that a pattern is given and taken, and examples each meets: two more than the test needs at least, as some
/// differences are 0.
const HOSTS: usize = 8;
const EXAMPLES: usize = 8;
/// Calls of one pattern's toggles.
pub(super) const TOGGLES: u64 = (2 * HOSTS * EXAMPLES) as u64;
/// p-value of a confirmed pattern at most.
const LEVEL: f64 = 0.05;
/// Permutations and hypotheses of the mining, so that it stays cheap beside the fits.
const PERMUTATIONS: u64 = 199;
const HYPOTHESES: usize = 500;

/// A pattern that the search found in its own results, and what randomised toggles said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Toggled {
    /// What it says of a prompt, such as `tone = firm`.
    pub name: String,
    /// What the results said, which the search chose and chance did not: observational.
    pub finding: Finding,
    /// What the toggles said; none while they run.
    pub confirmation: Option<Confirmation>,
}

/// Patterns looked into so far, and the toggles under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Toggles {
    /// Example calls planned for toggles.
    spent: u64,
    /// Calls of the search from which on it is looked for patterns again.
    next: u64,
    pub(super) all: Vec<Toggled>,
    /// The same prompts with and without the last pattern, and the examples (positions) both meet.
    pub(super) pairs: Vec<[Choices; 2]>,
    examples: Vec<usize>,
}

impl Toggles {
    pub(super) fn is_sound(&self, examples: usize) -> bool {
        let finite = self.all.iter().all(|t| t.finding.delta.is_finite());
        finite && self.examples.iter().all(|e| *e < examples)
    }
}

impl ModelSearch {
    /// Patterns that the search looked into by randomised toggles ([`ModelOptions::toggles`]), in that order.
    ///
    /// A pattern is a choice or an order of two sections that good prompts had more often; it is confirmed where random
    /// prompts of the space are better with it than without it, on the same examples (see [`confirm`]).
    ///
    /// [`ModelOptions::toggles`]: super::ModelOptions::toggles
    pub fn patterns(&self) -> &[Toggled] {
        &self.toggles.all
    }

    /// Plans toggles if their share of the calls allows it and the results show a pattern that was not toggled yet.
    pub(super) fn plan_toggles(&mut self, order: &[usize], stream: &Stream) {
        self.judge_toggles();
        let allowed = self.options.toggles * self.calls as f64;
        if (self.toggles.spent + TOGGLES) as f64 > allowed || self.calls < self.toggles.next {
            return;
        }
        self.toggles.next = self.calls + self.calls / 4;
        let items = SpaceItems::new(self.space.clone());
        let Some(finding) = self.mined(&items, &stream.child("mining", 0)) else { return };
        let names = items.names();
        let name =
            finding.items.iter().map(|i| names[*i as usize].as_str()).collect::<Vec<_>>().join(" and ");
        // Of small spaces most prompts were tried: those that were not come first, as all examples are fresh to them.
        let mut pairs = items.toggles(&finding.items, 8 * HOSTS, &stream.child("hosts", 0));
        let mut known = BTreeSet::new();
        pairs.retain(|pair| known.insert(pair.clone()));
        pairs.sort_by_key(|pair| pair.iter().any(|prompt| self.numbers.contains_key(prompt)));
        pairs.truncate(HOSTS);
        let prompts = || pairs.iter().flatten();
        let fresh = |e: &&usize| prompts().all(|prompt| !self.has_met(prompt, self.examples[**e]));
        let examples: Vec<usize> = order.iter().filter(fresh).take(EXAMPLES).copied().collect();
        if pairs.len() < HOSTS || examples.len() < EXAMPLES {
            return;
        }
        self.toggles.all.push(Toggled { name, finding, confirmation: None });
        for prompt in prompts() {
            for e in &examples {
                self.uses[*e] += 1;
            }
            self.toggles.spent += examples.len() as u64;
            self.plan.push_back(Planned {
                prompt: prompt.clone(),
                examples: examples.clone(),
                origin: Origin::Toggle,
                parent: None,
            });
        }
        (self.toggles.pairs, self.toggles.examples) = (pairs, examples);
    }

    /// The surest pattern in the results so far that was not toggled yet.
    fn mined(&self, items: &SpaceItems, stream: &Stream) -> Option<Finding> {
        let mut evidence = Evidence::new(items.names());
        let position = |e: ExampleId| self.examples.iter().position(|known| *known == e);
        for tried in &self.tried {
            let scores = tried.observation.instances.iter();
            let scores = scores.filter_map(|s| Some((position(s.example)?, f64::from(s.score)))).collect();
            let prompt = Observed { items: items.of(&tried.prompt), scores, ..Observed::default() };
            // A prompt without results says nothing.
            let _ = evidence.add(prompt);
        }
        let options = PatternOptions {
            largest: 1,
            permutations: PERMUTATIONS,
            hypotheses: HYPOTHESES,
            ..PatternOptions::default()
        };
        let found = find(&evidence, &options, stream).ok()?;
        let known = |f: &Finding| self.toggles.all.iter().any(|t| t.finding.items == f.items);
        found.into_iter().find(|f| !known(f))
    }

    fn has_met(&self, prompt: &Choices, example: ExampleId) -> bool {
        let seen = self.numbers.get(prompt).map(|i| &self.tried[*i].observation.instances);
        seen.is_some_and(|seen| seen.iter().any(|s| s.example == example))
    }

    /// Judges the last pattern by what came back of its toggles.
    pub(super) fn judge_toggles(&mut self) {
        let pairs = std::mem::take(&mut self.toggles.pairs);
        let number = self.toggles.all.len() as u64;
        let mut differences = Vec::new();
        for (host, [with, without]) in pairs.iter().enumerate() {
            for &example in &self.toggles.examples {
                if let (Some(a), Some(b)) = (self.score(with, example), self.score(without, example)) {
                    differences.push(Difference { host, example, score: a - b });
                }
            }
        }
        let stream = self.stream.child("toggles", number);
        if let Some(last) = self.toggles.all.last_mut().filter(|t| t.confirmation.is_none()) {
            last.confirmation = Some(confirm(&differences, last.finding.delta, LEVEL, &stream));
        }
    }
}
