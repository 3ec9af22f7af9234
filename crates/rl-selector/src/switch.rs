//! The safe switch: a bandit decides, unless something learnt is better with confidence.

mod calibration;
mod conformal;
mod deep;
mod guided;
mod policy;
mod region;
mod ridge;
mod trust;

use std::collections::BTreeMap;
use std::fmt;

use meta_traits::{Choice, ChoiceId, Level, RestoreError, Selector, Snapshot, TellError};
use serde::{Deserialize, Serialize};

pub use policy::{SafePolicy, SafetyConfig, Validation};

use crate::bandit::{Bandit, BanditState, Rule};

/// Choices that may await their reward at once; the oldest is forgotten beyond.
const PENDING: usize = 1024;

/// A selector that is a bandit until its learnt policy is better with confidence.
///
/// Levels above the bandit are a schedule, a forest, a linear head on the trunk of a network, and that network. One of them
/// acts if it was proven on problems held out of its learning, the state lies among those of training, and the lower
/// bound of its advantage over letting the bandit go on is positive; where several may, the one of the highest bound.
/// Else the bandit decides, which learns from every reward whoever decided. The bound is the mean over an ensemble less
/// a margin from split-conformal calibration over held-out problems (Vovk et al. 2005; compare SPIBB, Laroche et al.
/// 2019). The context is the features of a [`crate::History`].
///
/// ```
/// use meta_traits::{Level, Selector, Stream};
/// use rl_selector::bandit::{Bandit, Progress};
/// use rl_selector::{SafeSwitch, Why};
/// let mut switch = SafeSwitch::new(Bandit::new(Progress::default(), 3, Stream::root(1)), None);
/// let choice = switch.select(&[], &[true, false, true]).unwrap();
/// assert_eq!(choice.level, Level::Bandit);
/// assert_eq!(switch.why(), Some(&Why::NothingLearnt));
/// ```
#[derive(Clone, Debug)]
pub struct SafeSwitch<'a, R> {
    bandit: Bandit<R>,
    policy: Option<&'a SafePolicy>,
    next: u64,
    block: usize,
    pending: BTreeMap<u64, Pending>,
    last: Option<(Why, (f64, f64))>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    arm: usize,
    context: Vec<f64>,
}

/// Why a level decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// There is no learnt policy.
    NothingLearnt,
    /// The policy did not beat bandit and schedule on the problems held out.
    Unproven,
    /// The state is unlike those of training.
    Unknown {
        /// Its distance from them.
        distance: f64,
        /// The largest distance that counts as known.
        limit: f64,
    },
    /// No bound on an advantage over the bandit is positive.
    Unsure {
        /// The bound of the learnt policy.
        lower: f64,
    },
    /// The advantage over the bandit is positive with confidence.
    Better {
        /// The bound.
        lower: f64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLearnt => f.write_str("nothing is learnt yet"),
            Self::Unproven => f.write_str("the policy did not beat bandit and schedule on held-out problems"),
            Self::Unknown { distance, limit } => {
                write!(f, "the state is {distance:.1} from those of training; known up to {limit:.1}")
            }
            Self::Unsure { lower } => write!(f, "the advantage over the bandit may be as low as {lower:.3}"),
            Self::Better { lower } => write!(f, "the advantage over the bandit is at least {lower:.3}"),
        }
    }
}

impl<'a, R: Rule> SafeSwitch<'a, R> {
    /// A bandit with or without a learnt policy above it; a policy of another number of arms never acts.
    pub fn new(bandit: Bandit<R>, policy: Option<&'a SafePolicy>) -> Self {
        let policy = policy.filter(|p| p.arms() == bandit.arms());
        Self { bandit, policy, next: 0, block: 0, pending: BTreeMap::new(), last: None }
    }

    /// Why the last decision was made by its level.
    pub fn why(&self) -> Option<&Why> {
        self.last.as_ref().map(|(why, _)| why)
    }

    /// The 90 % interval of the gain from the last decision to the end of the run, in units of the score, when the level
    /// that decided goes on deciding; (0, infinity) when nothing is learnt.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.last.as_ref().map(|(_, interval)| *interval)
    }

    /// The level that decides, its arm, value and bound, and why.
    fn decide(&self, context: &[f64], allowed: &[bool], fallback: &Choice) -> (Choice, Why, (f64, f64)) {
        let unknown = (0.0, f64::INFINITY);
        let Some(policy) = self.policy else { return (*fallback, Why::NothingLearnt, unknown) };
        let (distance, limit) = policy.distance(context);
        if distance.is_infinite() || distance.is_nan() {
            return (*fallback, Why::Unknown { distance: f64::MAX, limit }, unknown);
        }
        let by_bandit = policy.interval(Level::Bandit, context);
        if !policy.proven() {
            return (*fallback, Why::Unproven, by_bandit);
        }
        if distance > limit {
            return (*fallback, Why::Unknown { distance, limit }, by_bandit);
        }
        let arms = policy.schedule().arms();
        let scheduled = arms.get(self.block).or(arms.last()).copied();
        let scheduled = scheduled.filter(|arm| allowed.get(*arm) == Some(&true));
        let mut highest = f64::MIN;
        let mut chosen = None;
        for level in policy.proven_levels() {
            let Some(expected) = policy.bounded(level, context, allowed) else { continue };
            let arm = if level == Level::Schedule { scheduled } else { Some(expected.arm) };
            let Some(arm) = arm else { continue };
            if expected.lower > highest {
                highest = expected.lower;
                chosen = Some((arm, expected));
            }
        }
        if let Some((arm, expected)) = chosen.filter(|(_, e)| e.lower > 0.0) {
            let mut choice = *fallback;
            (choice.level, choice.arm) = (expected.level, arm);
            (choice.value, choice.lower) = (expected.gain, expected.lower);
            let interval = policy.interval(expected.level, context);
            return (choice, Why::Better { lower: expected.lower }, interval);
        }
        (*fallback, Why::Unsure { lower: highest }, by_bandit)
    }
}

impl<R: Rule> Selector for SafeSwitch<'_, R> {
    type Context = [f64];

    fn select(&mut self, context: &[f64], allowed: &[bool]) -> Option<Choice> {
        let (arm, value) = self.bandit.advise(context, allowed, self.next)?;
        let mut fallback = Choice::new(ChoiceId(self.next), arm);
        fallback.value = value;
        let (choice, why, interval) = self.decide(context, allowed, &fallback);
        self.last = Some((why, interval));
        self.pending.insert(self.next, Pending { arm: choice.arm, context: context.to_vec() });
        if self.pending.len() > PENDING {
            self.pending.pop_first();
        }
        self.next += 1;
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, reward: f64, next: Option<&[f64]>) -> Result<(), TellError> {
        let Some(done) = self.pending.remove(&of.0) else { return Err(TellError::UnknownChoice(of.0)) };
        self.block = if next.is_none() { 0 } else { self.block + 1 };
        self.bandit.watch(done.arm, &done.context, reward);
        Ok(())
    }
}

/// What a switch remembers beside its policy, which does not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "R: Rule")]
pub struct SafeSwitchState<R> {
    bandit: BanditState<R>,
    next: u64,
    block: usize,
    pending: BTreeMap<u64, Pending>,
    last: Option<Why>,
    interval: (f64, Option<f64>),
}

impl<R: Rule> Snapshot for SafeSwitch<'_, R> {
    const SCHEMA: &'static str = "rl-selector/safe-switch";
    const VERSION: u32 = 1;
    type State = SafeSwitchState<R>;

    fn snapshot(&self) -> SafeSwitchState<R> {
        let (low, high) = self.interval().unwrap_or((0.0, f64::INFINITY));
        SafeSwitchState {
            bandit: self.bandit.snapshot(),
            next: self.next,
            block: self.block,
            pending: self.pending.clone(),
            last: self.why().cloned(),
            interval: (low, high.is_finite().then_some(high)),
        }
    }

    fn restore(&mut self, state: SafeSwitchState<R>) -> Result<(), RestoreError> {
        let arms = self.bandit.arms();
        let sound = |(id, p): (&u64, &Pending)| *id < state.next && p.arm < arms;
        if !state.pending.iter().all(sound) || state.pending.len() > PENDING {
            let why = "switch: a choice that awaits its reward is none of its own";
            return Err(RestoreError::Body(why.to_owned()));
        }
        self.bandit.restore(state.bandit)?;
        let (low, high) = state.interval;
        (self.next, self.block, self.pending) = (state.next, state.block, state.pending);
        self.last = state.last.map(|why| (why, (low, high.unwrap_or(f64::INFINITY))));
        Ok(())
    }
}
