//! Bandits: selectors that learn from the rewards of the run they are in, and need nothing before it.
//!
//! Rewards are expected in [0, 1]; others are clamped. All are built for few decisions and rewards that drift: what paid
//! off early need not pay off later.

mod auc_rank;
mod exp3;
mod linear;
mod progress;
mod pursuit;
mod sliding_window;
mod thompson;

use std::collections::BTreeMap;
use std::fmt::Debug;

use meta_traits::{Choice, ChoiceId, RestoreError, Selector, Snapshot, Stream, TellError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use auc_rank::AucRank;
pub use exp3::Exp3;
pub use linear::LinUcb;
pub use progress::Progress;
pub use pursuit::AdaptivePursuit;
pub use sliding_window::SlidingWindowUcb;
pub use thompson::DiscountedThompson;

/// Choices that may await their reward at once; the oldest is forgotten beyond.
const PENDING: usize = 1024;

/// What a rule says of the arms it may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pick {
    /// The arm.
    pub arm: usize,
    /// Expected reward.
    pub value: f64,
    /// The probability the arm was chosen with; 1 without chance.
    pub probability: f64,
}

impl Pick {
    /// An arm chosen without chance.
    pub fn sure(arm: usize, value: f64) -> Self {
        Self { arm, value, probability: 1.0 }
    }
}

/// How a bandit chooses and learns. Everything it knows is its own value.
pub trait Rule: Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// What [`Snapshot`] calls a bandit of this rule.
    const SCHEMA: &'static str;

    /// Makes room for so many arms.
    fn open(&mut self, arms: usize);

    /// Whether everything remembered fits so many arms.
    fn fits(&self, arms: usize) -> bool;

    /// Chooses one of `open`, which is not empty and in increasing order.
    fn pick(&self, open: &[usize], context: &[f64], rng: &mut Stream) -> Pick;

    /// Takes the reward, in [0, 1], of an earlier pick.
    fn learn(&mut self, pick: Pick, context: &[f64], reward: f64);
}

/// A rule at work as a [`Selector`].
///
/// ```
/// use meta_traits::{Selector, Stream};
/// use rl_selector::bandit::{Bandit, SlidingWindowUcb};
/// let mut bandit = Bandit::new(SlidingWindowUcb::default(), 3, Stream::root(1));
/// for _ in 0..30 {
///     let choice = bandit.select(&[], &[true, true, true]).unwrap();
///     bandit.reward(choice.id, if choice.arm == 1 { 0.9 } else { 0.1 }, Some(&[])).unwrap();
/// }
/// assert_eq!(bandit.select(&[], &[true, true, true]).unwrap().arm, 1);
/// ```
#[derive(Clone, Debug)]
pub struct Bandit<R> {
    arms: usize,
    rng: Stream,
    state: BanditState<R>,
}

/// What a bandit remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BanditState<R> {
    arms: usize,
    rng: Stream,
    next: u64,
    pending: BTreeMap<u64, Pending>,
    rule: R,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    arm: usize,
    probability: f64,
    context: Vec<f64>,
}

impl<R: Rule> Bandit<R> {
    /// A bandit over so many arms that knows nothing but what `rule` brings; draws come from `rng`.
    pub fn new(mut rule: R, arms: usize, rng: Stream) -> Self {
        rule.open(arms);
        let state = BanditState { arms, rng: rng.clone(), next: 0, pending: BTreeMap::new(), rule };
        Self { arms, rng, state }
    }

    /// The number of arms.
    pub fn arms(&self) -> usize {
        self.arms
    }

    /// The arm it would choose as decision `id`, and the reward expected of it; nothing is remembered.
    pub(crate) fn advise(&self, context: &[f64], allowed: &[bool], id: u64) -> Option<(usize, f64)> {
        let pick = self.pick(context, allowed, id)?;
        Some((pick.arm, pick.value))
    }

    /// Takes the reward of a choice that someone else made.
    pub(crate) fn watch(&mut self, arm: usize, context: &[f64], reward: f64) {
        if reward.is_finite() && arm < self.arms {
            self.state.rule.learn(Pick::sure(arm, 0.0), context, reward.clamp(0.0, 1.0));
        }
    }

    fn pick(&self, context: &[f64], allowed: &[bool], id: u64) -> Option<Pick> {
        let open: Vec<usize> = (0..self.arms).filter(|arm| allowed.get(*arm) == Some(&true)).collect();
        let mut rng = self.rng.child("choice", id);
        (!open.is_empty()).then(|| self.state.rule.pick(&open, context, &mut rng))
    }

    /// The rule with all it has learnt.
    pub fn rule(&self) -> &R {
        &self.state.rule
    }
}

impl<R: Rule> Selector for Bandit<R> {
    type Context = [f64];

    fn select(&mut self, context: &[f64], allowed: &[bool]) -> Option<Choice> {
        let id = self.state.next;
        let pick = self.pick(context, allowed, id)?;
        self.state.next += 1;
        let pending = Pending { arm: pick.arm, probability: pick.probability, context: context.to_vec() };
        self.state.pending.insert(id, pending);
        if self.state.pending.len() > PENDING {
            self.state.pending.pop_first();
        }
        let mut choice = Choice::new(ChoiceId(id), pick.arm);
        choice.value = pick.value;
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, reward: f64, _: Option<&[f64]>) -> Result<(), TellError> {
        let Some(done) = self.state.pending.remove(&of.0) else {
            return Err(TellError::UnknownChoice(of.0));
        };
        if reward.is_finite() {
            let pick = Pick { arm: done.arm, value: 0.0, probability: done.probability };
            self.state.rule.learn(pick, &done.context, reward.clamp(0.0, 1.0));
        }
        Ok(())
    }
}

impl<R: Rule> Snapshot for Bandit<R> {
    const SCHEMA: &'static str = R::SCHEMA;
    const VERSION: u32 = 1;
    type State = BanditState<R>;

    fn snapshot(&self) -> BanditState<R> {
        self.state.clone()
    }

    fn restore(&mut self, state: BanditState<R>) -> Result<(), RestoreError> {
        let refuse = |why: &str| Err(RestoreError::Body(format!("bandit: {why}")));
        if state.arms != self.arms {
            return refuse(&format!("it has {} arms, this one {}", state.arms, self.arms));
        }
        let sound = |(id, p): (&u64, &Pending)| *id < state.next && p.arm < state.arms && p.probability > 0.0;
        if !state.pending.iter().all(sound) || state.pending.len() > PENDING {
            return refuse("a choice that awaits its reward is none of its own");
        }
        if !state.rule.fits(state.arms) {
            return refuse("what the rule remembers does not fit the number of arms");
        }
        self.rng = state.rng.clone();
        self.state = state;
        Ok(())
    }
}

/// The arm of `open` with the highest score; the first of equals.
fn highest(open: &[usize], score: impl Fn(usize) -> f64) -> usize {
    let first = open.first().copied().unwrap_or(0);
    open.iter().copied().fold(first, |best, arm| if score(arm) > score(best) { arm } else { best })
}

/// The last rewards, oldest first: arm and reward.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window(Vec<(usize, f64)>);

impl Window {
    fn push(&mut self, arm: usize, reward: f64, length: usize) {
        self.0.push((arm, reward));
        let over = self.0.len().saturating_sub(length.max(1));
        self.0.drain(..over);
    }

    /// Number and sum of the rewards of an arm.
    fn of(&self, arm: usize) -> (f64, f64) {
        let own = self.0.iter().filter(|(a, _)| *a == arm);
        own.fold((0.0, 0.0), |(n, sum), (_, r)| (n + 1.0, sum + r))
    }

    fn fits(&self, arms: usize) -> bool {
        self.0.iter().all(|(arm, r)| *arm < arms && (0.0..=1.0).contains(r))
    }
}
