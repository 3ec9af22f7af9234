use serde::{Deserialize, Serialize};

use crate::PromptError;

/// Random draws that were made elsewhere and are used instead of own ones as long as they last: so that a run of another
/// implementation can be followed step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Draws {
    /// For each epoch the order of the training examples, by position.
    pub epochs: Vec<Vec<usize>>,
    /// For each iteration without a merge the parent, by position in the pool. One that may not be drawn then is passed
    /// over.
    pub parents: Vec<usize>,
}

impl Draws {
    pub(super) fn is_empty(&self) -> bool {
        self.epochs.is_empty() && self.parents.is_empty()
    }

    /// Every epoch must be an order of `n` positions.
    pub(super) fn check(&self, n: usize) -> Result<(), PromptError> {
        let sound = |order: &Vec<usize>| {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            sorted.into_iter().eq(0..n)
        };
        match self.epochs.iter().position(|order| !sound(order)) {
            Some(at) => {
                Err(PromptError::range("draws.epochs", at, &format!("orders of the {n} training examples")))
            }
            None => Ok(()),
        }
    }
}
