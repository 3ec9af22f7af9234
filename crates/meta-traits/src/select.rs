use serde::{Deserialize, Serialize};

use crate::TellError;

/// Names one decision of a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChoiceId(pub u64);

/// What the chosen algorithm starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandOn {
    /// Its own earlier state.
    Resume,
    /// A fresh state around the incumbent.
    WarmStart,
    /// Its own earlier state with the incumbent added.
    Inject,
}

/// Which mechanism decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// A bandit on this run's rewards.
    Bandit,
    /// A schedule learnt offline.
    Schedule,
    /// A policy over states learnt offline, of any form.
    Learned,
    /// A linear head on a pretrained trunk.
    NeuralLinear,
    /// A deep Q network.
    Dqn,
}

/// A decision, and why it is believed in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// The name to report the reward under.
    pub id: ChoiceId,
    /// Index of the chosen arm.
    pub arm: usize,
    /// What the arm starts from.
    pub hand_on: HandOn,
    /// Which mechanism decided.
    pub level: Level,
    /// Expected return.
    pub value: f64,
    /// Lower confidence bound of the return.
    pub lower: f64,
}

impl Choice {
    /// A choice that resumes the arm, made by a bandit, with unknown value.
    pub fn new(id: ChoiceId, arm: usize) -> Self {
        let level = Level::Bandit;
        Self { id, arm, hand_on: HandOn::Resume, level, value: 0.0, lower: f64::NEG_INFINITY }
    }
}

/// Chooses among arms, and learns from their rewards.
///
/// Laws: a masked arm is never chosen; with every arm masked the answer is `None`; ids increase; a reward that is
/// not finite changes nothing but is accepted; the same seed and calls give the same choices.
pub trait Selector {
    /// What the choice may depend on.
    type Context: ?Sized;

    /// Chooses among the arms whose entry in `allowed` is true.
    fn select(&mut self, context: &Self::Context, allowed: &[bool]) -> Option<Choice>;

    /// Reports the reward of a choice, and the context after it (`None` at the end of an episode).
    ///
    /// # Errors
    /// [`TellError::UnknownChoice`] when `of` awaits no reward; nothing is changed then.
    fn reward(&mut self, of: ChoiceId, reward: f64, next: Option<&Self::Context>) -> Result<(), TellError>;
}
