use serde::{Deserialize, Serialize};

use super::confirm::{LEAST, Verdict, compared};
use super::toggles::TOGGLES;
use super::{Fate, ModelOptions, ModelSearch, Origin, Planned, Proposal};
use crate::space::Choices;

/// Rounds of trials after which examples that keep failing are left out.
const ATTEMPTS: u32 = 3;

/// What is kept for the end of a search whose budget is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending {
    /// Example calls there are, and those asked for.
    limit: u64,
    spent: u64,
    /// Examples that only the end meets (positions), ascending.
    pub(super) held_out: Vec<usize>,
    /// What leads when the end begins; from then on nothing else is tried.
    pub(super) contender: Option<Choices>,
    attempts: u32,
    verdict: Option<Verdict>,
}

impl ModelSearch {
    /// The same search within so many example calls, the last of which compare the prompt that leads with the seed.
    ///
    /// Some examples are held out ([`Confirm`](super::Confirm)): the search does without them. When the calls that are left
    /// only just pay for it, the prompt that leads and the seed meet all of these, and signs of the paired differences are
    /// flipped (an exact one-sided test, as nothing was chosen by these results: Fisher 1935). Where `p` is at most `alpha` the prompt
    /// is confirmed, else the seed is returned: on a task where no prompt is better this happens in a share 1 - `alpha` of
    /// all runs at least. [`ModelSearch::verdict`] says which; then the search is done, for [`StopReason::Budget`].
    ///
    /// Too few examples or calls for 16 pairs leave the search as it is, unconfirmed. Examples that fail three times are
    /// left out. Call it before the first ask.
    ///
    /// [`StopReason::Budget`]: meta_traits::StopReason::Budget
    #[must_use]
    pub fn within(mut self, calls: u64) -> Self {
        let before = self.first_calls();
        let pairs = self.options.confirm.pairs(calls, before, self.examples.len());
        let mut order: Vec<usize> = (0..self.examples.len()).filter(|e| !self.anchors.contains(e)).collect();
        self.stream.child("held out", 0).shuffle(&mut order);
        // Reflection learns from training examples: the others are missed least.
        order.sort_by_key(|e| self.examples[*e].split == meta_traits::Split::Train);
        order.truncate(pairs);
        order.sort_unstable();
        self.ending = (order.len() >= LEAST).then_some(Ending {
            limit: calls,
            spent: 0,
            held_out: order,
            contender: None,
            attempts: 0,
            verdict: None,
        });
        self
    }

    /// Whether what [`best`](meta_traits::Optimizer::best) returns is known to be better than the seed.
    pub fn verdict(&self) -> Verdict {
        self.ending.as_ref().and_then(|e| e.verdict.clone()).unwrap_or_default()
    }

    /// The calls of the first round, anchors included.
    fn first_calls(&self) -> u64 {
        let block = self.options.block.min(self.examples.len());
        (block * (1 + self.options.initial) + self.anchors.len()) as u64
    }

    pub(super) fn is_held_out(&self, example: usize) -> bool {
        self.ending.as_ref().is_some_and(|e| e.held_out.binary_search(&example).is_ok())
    }

    /// Counts what is asked for.
    pub(super) fn spend(&mut self, calls: usize) {
        if let Some(ending) = &mut self.ending {
            ending.spent += calls as u64;
        }
    }

    /// Whether a contender is chosen, so that nothing but the comparison is left to do.
    pub(super) fn ends(&self) -> bool {
        self.ending.as_ref().is_some_and(|e| e.contender.is_some())
    }

    pub(super) fn is_concluded(&self) -> bool {
        self.ending.as_ref().is_some_and(|e| e.verdict.is_some())
    }

    /// Begins the end if another round is not affordable, or not wanted.
    pub(super) fn begin_end(&mut self, nothing_left: bool) {
        let toggles = if self.options.toggles > 0.0 { TOGGLES } else { 0 };
        let round = (self.options.block * (self.options.draws + 2) + self.anchors.len()) as u64 + toggles;
        let Some(best) = self.best else { return };
        let Some(ending) = self.ending.as_mut().filter(|e| e.contender.is_none()) else { return };
        let kept = 2 * ending.held_out.len() as u64;
        if nothing_left || ending.spent + round + kept > ending.limit {
            ending.contender = Some(self.tried[best].prompt.clone());
            self.reflected = true;
        }
    }

    /// Plans what the comparison still needs; a verdict when that is nothing, or failed too often.
    pub(super) fn plan_end(&mut self) {
        let Some(ending) = &mut self.ending else { return };
        let Some(contender) = ending.contender.clone() else { return };
        ending.attempts += 1;
        let (again, held_out) = (ending.attempts <= ATTEMPTS, ending.held_out.clone());
        let seed = self.space.seed();
        if again && contender != seed {
            for prompt in [seed, contender] {
                let missing: Vec<usize> =
                    held_out.iter().copied().filter(|e| self.score(&prompt, *e).is_none()).collect();
                for block in missing.chunks(self.options.block) {
                    for e in block {
                        self.uses[*e] += 1;
                    }
                    self.plan.push_back(Planned {
                        prompt: prompt.clone(),
                        examples: block.to_vec(),
                        origin: Origin::Confirm,
                        parent: None,
                    });
                }
            }
        }
        if self.plan.is_empty() {
            self.conclude();
        }
    }

    pub(super) fn score(&self, prompt: &Choices, example: usize) -> Option<f64> {
        let seen = &self.tried[*self.numbers.get(prompt)?].observation.instances;
        seen.iter().find(|s| s.example == self.examples[example]).map(|s| f64::from(s.score))
    }

    /// A verdict as soon as both have met all examples.
    pub(super) fn conclude_if_complete(&mut self) {
        let Some(ending) = self.ending.as_ref().filter(|e| e.verdict.is_none()) else { return };
        let Some(contender) = &ending.contender else { return };
        let both = [&self.space.seed(), contender];
        let complete =
            ending.held_out.iter().all(|e| both.iter().all(|prompt| self.score(prompt, *e).is_some()));
        if complete {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        let Some(ending) = &self.ending else { return };
        let (Some(contender), None) = (&ending.contender, &ending.verdict) else { return };
        let seed = self.space.seed();
        let pair = |e: &usize| Some(self.score(contender, *e)? - self.score(&seed, *e)?);
        let fresh: &[usize] = if *contender == seed { &[] } else { &ending.held_out };
        let differences: Vec<f64> = fresh.iter().filter_map(pair).collect();
        let alpha = self.options.confirm.alpha;
        let compared = compared(contender.clone(), &differences, alpha, &self.stream.child("confirm", 0));
        let enough = differences.len() >= LEAST;
        let (verdict, fate) = if *contender == seed || (enough && compared.p > alpha) {
            (Verdict::Tie(compared), Some(Fate::Tied))
        } else if enough {
            (Verdict::Confirmed(compared), Some(Fate::Confirmed))
        } else {
            (Verdict::Unconfirmed, None)
        };
        if let Some(fate) = fate {
            let planned = Planned {
                prompt: contender.clone(),
                examples: fresh.to_vec(),
                origin: Origin::Confirm,
                parent: Some(seed),
            };
            let n = differences.len().max(1) as f64;
            let scores = fresh.iter().filter_map(|e| self.score(contender, *e));
            let score = (!differences.is_empty()).then(|| scores.sum::<f64>() / n);
            let proposal = Proposal { score, ..self.proposal(&planned, fate) };
            self.manifest.push(proposal);
        }
        if let Some(ending) = &mut self.ending {
            ending.verdict = Some(verdict);
        }
        self.best = self.recommended();
    }

    /// What is returned whatever the posterior says: the contender once the end began, the seed after a tie.
    pub(super) fn settled(&self) -> Option<usize> {
        let ending = self.ending.as_ref()?;
        let contender = ending.contender.as_ref()?;
        let prompt = match &ending.verdict {
            Some(Verdict::Tie(_)) => &self.space.seed(),
            _ => contender,
        };
        self.numbers.get(prompt).copied()
    }
}

impl Ending {
    pub(super) fn is_sound(&self, examples: usize, options: &ModelOptions) -> bool {
        let ascending = self.held_out.is_sorted_by(|a, b| a < b);
        let numbers = self.verdict.as_ref().and_then(Verdict::compared);
        let finite = numbers.is_none_or(|c| [c.difference, c.low, c.high, c.p].iter().all(|x| x.is_finite()));
        ascending && finite && options.block > 0 && self.held_out.iter().all(|e| *e < examples)
    }
}
