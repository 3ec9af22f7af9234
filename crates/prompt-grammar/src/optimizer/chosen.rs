use meta_traits::ExampleId;
use serde::{Deserialize, Serialize};

use super::ModelSearch;
use crate::PromptError;
use crate::space::Choices;

/// Prompts of the highest posterior means among which the one to return is looked for.
const LOOKED_AT: usize = 12;

/// A prompt that no other one tried is both shorter and clearly better than.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OnFront {
    /// The prompt.
    pub prompt: Choices,
    /// Its tokens.
    pub tokens: u32,
    /// Expected mean score over the examples.
    pub score: f64,
}

impl ModelSearch {
    /// The same search with anchors: examples on which the prompt to return must never score less than the one it takes
    /// the place of.
    ///
    /// A prompt that could be returned is tried on all anchors first. Call it before the first ask.
    ///
    /// # Errors
    /// [`PromptError::Examples`] when one is no example of this search.
    pub fn anchored(mut self, anchors: &[ExampleId]) -> Result<Self, PromptError> {
        let mut places = Vec::with_capacity(anchors.len());
        for &anchor in anchors {
            let place = self.examples.iter().position(|e| *e == anchor).ok_or(PromptError::Examples {
                list: "anchors",
                example: anchor,
                why: "that is none of the search; leave it out",
            })?;
            places.push(place);
        }
        places.sort_unstable();
        places.dedup();
        // What every prompt meets is not fresh in the end.
        if let Some(ending) = &mut self.ending {
            ending.held_out.retain(|held_out| places.binary_search(held_out).is_err());
        }
        self.anchors = places;
        Ok(self)
    }

    /// The prompt to return: of those with the highest posterior means the one with the highest lower bound that no
    /// anchor speaks against, or the seed while that one is not clearly better.
    pub(super) fn recommended(&self) -> Option<usize> {
        if let Some(settled) = self.settled() {
            return Some(settled);
        }
        let mut order: Vec<usize> = (0..self.tried.len()).collect();
        order.sort_by(|a, b| self.posterior.value(*b).total_cmp(&self.posterior.value(*a)));
        order.retain(|i| self.keeps_anchors(*i));
        order.truncate(LOOKED_AT);
        let mut top: Option<(f64, usize)> = None;
        for i in order {
            // A bound is never above its mean, so those that follow cannot win.
            if top.is_some_and(|(bound, _)| self.posterior.value(i) < bound) {
                break;
            }
            let bound = self.bound(i);
            if top.is_none_or(|(best, at)| bound > best || (bound.total_cmp(&best).is_eq() && i < at)) {
                top = Some((bound, i));
            }
        }
        let top = top.map(|(_, i)| i).or(self.best)?;
        Some(self.numbers.get(&self.space.seed()).map_or(top, |seed| self.convincing(top, *seed)))
    }

    fn bound(&self, number: usize) -> f64 {
        self.posterior.value(number) - self.options.caution * self.posterior.deviation(number)
    }

    /// A prompt, or the seed as long as the prompt is not clearly better and the seed keeps the anchors.
    fn convincing(&self, prompt: usize, seed: usize) -> usize {
        let (better, deviation) = self.posterior.contrast(prompt, seed);
        let clear = better > self.options.conviction * deviation;
        if clear || !self.keeps_anchors(seed) { prompt } else { seed }
    }

    /// Whether a prompt scores on every anchor at least what the prompt returned so far does.
    fn keeps_anchors(&self, number: usize) -> bool {
        let score = |number: usize, anchor: usize| {
            let of = &self.tried[number].observation.instances;
            of.iter().find(|s| s.example == self.examples[anchor]).map(|s| s.score)
        };
        let incumbent = self.best.filter(|b| *b != number);
        self.anchors.iter().all(|&a| match (score(number, a), incumbent.and_then(|b| score(b, a))) {
            (Some(new), Some(old)) => new >= old,
            (Some(_), None) => true,
            (None, _) => false,
        })
    }

    /// The prompt that would be returned if it had met all anchors, and those it has not met.
    pub(super) fn to_anchor(&self) -> Option<(Choices, Vec<usize>)> {
        let known = |number: &usize, anchor: &usize| {
            let of = &self.tried[*number].observation.instances;
            of.iter().any(|s| s.example == self.examples[*anchor])
        };
        let missing = |number: &usize| -> Vec<usize> {
            self.anchors.iter().copied().filter(|a| !known(number, a)).collect()
        };
        let seed = self.numbers.get(&self.space.seed());
        let open = seed.into_iter().copied().chain(self.elite()).find(|i| {
            let wanted = self.best.is_none_or(|b| self.bound(*i) > self.bound(b));
            (wanted || Some(i) == seed) && !missing(i).is_empty()
        })?;
        Some((self.tried[open].prompt.clone(), missing(&open)))
    }

    /// How much better the prompt to return is than the seed, in log odds of success, and the standard deviation of that;
    /// none until both have results. Less than two deviations are no more than a tie.
    pub fn lead(&self) -> Option<(f64, f64)> {
        let seed = *self.numbers.get(&self.space.seed())?;
        let best = self.best.filter(|best| (*best).max(seed) < self.posterior.fitted())?;
        Some(self.posterior.contrast(best, seed))
    }

    /// The prompts tried that are worth having at some length: each is better than all shorter ones by more than `least`,
    /// in expected mean score. The shortest first, so that the last one is the best.
    ///
    /// Empty before the first results. O(prompts log prompts).
    pub fn front(&self, least: f64) -> Vec<OnFront> {
        let of = |(i, t): (usize, &super::Tried)| OnFront {
            prompt: t.prompt.clone(),
            tokens: self.space.tokens(&t.prompt),
            score: self.posterior.success(self.posterior.value(i)),
        };
        let fitted = self.tried.iter().take(self.posterior.fitted()).enumerate();
        let mut all: Vec<OnFront> = fitted.map(of).collect();
        all.sort_by(|a, b| a.tokens.cmp(&b.tokens).then(b.score.total_cmp(&a.score)));
        let mut front: Vec<OnFront> = Vec::new();
        for next in all {
            if front.last().is_none_or(|last| next.score > last.score + least.max(0.0)) {
                front.push(next);
            }
        }
        front
    }
}
