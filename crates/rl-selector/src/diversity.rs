use std::collections::{BTreeSet, VecDeque};

use meta_traits::{Choice, ChoiceId, RestoreError, Selector, Snapshot, Stream, TellError};
use serde::{Deserialize, Serialize};

/// Choices that may await their reward at once; the oldest is forgotten beyond.
const PENDING: usize = 1024;

/// A selector that is kept from settling: the hook by which a run regularises its choice of algorithms.
///
/// While the entropy of the last choices, as a share of that of even choices, lies below a threshold, an arm that was
/// neglected takes the place of the selector's own choice with the probability of the strength. The selector is then told
/// that it gets no news of its choice. A strength of 0 (the start) changes nothing.
///
/// ```
/// use meta_traits::{Selector, Stream};
/// use rl_selector::bandit::{Bandit, SlidingWindowUcb};
/// use rl_selector::Diverse;
/// let bandit = Bandit::new(SlidingWindowUcb::default(), 3, Stream::root(1));
/// let mut selector = Diverse::new(bandit, 12, 0.3, Stream::root(2));
/// selector.set_strength(0.5);
/// let choice = selector.select(&[], &[true, true, true]).unwrap();
/// selector.reward(choice.id, 0.7, Some(&[])).unwrap();
/// assert_eq!(selector.entropy(), 0.0);
/// ```
#[derive(Clone, Debug)]
pub struct Diverse<S> {
    inner: S,
    state: Memory,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Memory {
    rng: Stream,
    /// Arms at the last decision.
    arms: usize,
    length: usize,
    threshold: f64,
    strength: f64,
    last: VecDeque<usize>,
    replaced: BTreeSet<u64>,
}

impl<S> Diverse<S> {
    /// Looks at so many last choices (at least 2), and interferes while their entropy is below `threshold`, a share of
    /// the largest possible, 0 to 1; what is not a number counts as 0. Draws come from `rng`.
    pub fn new(inner: S, length: usize, threshold: f64, rng: Stream) -> Self {
        let state = Memory {
            rng,
            arms: 0,
            length: length.max(2),
            threshold: share(threshold),
            strength: 0.0,
            last: VecDeque::new(),
            replaced: BTreeSet::new(),
        };
        Self { inner, state }
    }

    /// How often a choice is replaced while choices are too even: 0 (never) to 1 (always).
    pub fn set_strength(&mut self, strength: f64) {
        self.state.strength = share(strength);
    }

    /// The entropy of the last choices as a share of the largest that so many choices among the arms can have, 0 to 1; 0
    /// before the second choice.
    pub fn entropy(&self) -> f64 {
        let arms = self.state.arms;
        let n = self.state.last.len() as f64;
        let most = n.min(arms as f64).ln();
        if most <= 0.0 {
            return 0.0;
        }
        let of = |arm: usize| {
            let p = self.state.last.iter().filter(|a| **a == arm).count() as f64 / n;
            if p > 0.0 { -p * p.ln() } else { 0.0 }
        };
        (0..arms).map(of).sum::<f64>() / most
    }

    /// The selector itself.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The allowed arm that was chosen longest ago.
    fn neglected(&self, allowed: &[bool]) -> Option<usize> {
        let since = |arm: usize| self.state.last.iter().rev().position(|a| *a == arm).unwrap_or(usize::MAX);
        let open = (0..allowed.len()).filter(|arm| allowed[*arm]);
        open.reduce(|best, arm| if since(arm) > since(best) { arm } else { best })
    }
}

fn share(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) }
}

impl<S: Selector> Selector for Diverse<S> {
    type Context = S::Context;

    fn select(&mut self, context: &S::Context, allowed: &[bool]) -> Option<Choice> {
        let mut choice = self.inner.select(context, allowed)?;
        self.state.arms = allowed.len();
        let settled = self.state.last.len() >= 2 && self.entropy() < self.state.threshold;
        if settled && self.state.rng.child("diversity", choice.id.0).chance(self.state.strength) {
            let arm = self.neglected(allowed).filter(|arm| *arm != choice.arm);
            if let Some(arm) = arm {
                let own = choice;
                choice = Choice::new(own.id, arm);
                self.state.replaced.insert(own.id.0);
                if self.state.replaced.len() > PENDING {
                    self.state.replaced.pop_first();
                }
            }
        }
        self.state.last.push_back(choice.arm);
        if self.state.last.len() > self.state.length {
            self.state.last.pop_front();
        }
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, reward: f64, next: Option<&S::Context>) -> Result<(), TellError> {
        let replaced = self.state.replaced.contains(&of.0);
        self.inner.reward(of, if replaced { f64::NAN } else { reward }, next)?;
        self.state.replaced.remove(&of.0);
        Ok(())
    }
}

/// What [`Diverse`] remembers, with what its selector does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiverseState<I> {
    inner: I,
    memory: Memory,
}

impl<S: Snapshot> Snapshot for Diverse<S> {
    const SCHEMA: &'static str = "rl-selector/diverse";
    const VERSION: u32 = 1;
    type State = DiverseState<S::State>;

    fn snapshot(&self) -> Self::State {
        DiverseState { inner: self.inner.snapshot(), memory: self.state.clone() }
    }

    fn restore(&mut self, state: Self::State) -> Result<(), RestoreError> {
        self.inner.restore(state.inner)?;
        self.state = state.memory;
        Ok(())
    }
}
