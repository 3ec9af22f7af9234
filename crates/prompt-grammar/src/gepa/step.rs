use meta_traits::{Components, ExampleId, QueryId, Scored, StopReason, TrialId};
use serde::{Deserialize, Serialize};

use super::decision::Stage;

/// Where the loop stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    /// The seed is to be evaluated on the validation set.
    Seed,
    /// The parent is to be evaluated on the minibatch.
    Parent { parent: usize, batch: Vec<ExampleId> },
    /// Texts are to be written: the last of `todo` next, into `child`.
    Reflect { parent: usize, batch: Vec<ExampleId>, before: Vec<Scored>, todo: Vec<usize>, child: Components },
    /// The child is to be evaluated on the minibatch.
    Child { parent: usize, batch: Vec<ExampleId>, before: Sum, child: Components },
    /// A merged candidate is to be evaluated on a few validation examples.
    Merge { parents: [usize; 2], on: Vec<ExampleId>, before: Sum, child: Components },
    /// A candidate that passed is to be evaluated on the validation set.
    Full { parents: Vec<usize>, before: Sum, after: Sum, child: Components },
    /// Nothing will be asked any more.
    Over(StopReason),
}

impl Step {
    /// What is being evaluated or written, if anything.
    pub(super) fn stage(&self) -> Option<Stage> {
        match self {
            Self::Seed => Some(Stage::Seed),
            Self::Parent { .. } => Some(Stage::Parent),
            Self::Reflect { .. } => Some(Stage::Reflection),
            Self::Child { .. } => Some(Stage::Child),
            Self::Merge { .. } => Some(Stage::Merge),
            Self::Full { .. } => Some(Stage::Validation),
            Self::Over(_) => None,
        }
    }
}

/// A sum of scores, kept as bits so that every written form gives it back exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) fn of(scores: &[Scored]) -> Self {
        Self::new(scores.iter().map(|s| f64::from(s.score)).sum())
    }

    pub(super) fn new(sum: f64) -> Self {
        Self(sum.to_bits())
    }

    pub(super) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// What was asked for and has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pending {
    Trial(TrialId),
    Query(QueryId),
}
