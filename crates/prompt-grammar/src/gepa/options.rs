use meta_traits::Components;
use serde::{Deserialize, Serialize};

use crate::PromptError;

/// What a child must reach on the minibatch to be evaluated on the whole validation set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Acceptance {
    /// A sum of scores above its parent's.
    #[default]
    StrictSum,
    /// A sum of scores at least its parent's.
    ImprovementOrEqual,
}

impl Acceptance {
    pub(super) fn admits(self, before: f64, after: f64) -> bool {
        match self {
            Self::StrictSum => after > before,
            Self::ImprovementOrEqual => after >= before,
        }
    }
}

/// Which member of the pool is rewritten next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParentChoice {
    /// A member that is best on some validation example and not made superfluous by others, drawn in proportion to
    /// the number of examples it is best on.
    #[default]
    ParetoFront,
    /// The member with the best validation mean.
    CurrentBest,
    /// Any member with this probability, else the best one. In [0, 1].
    EpsilonGreedy(f64),
}

/// Which components of the parent are rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ComponentChoice {
    /// One, in turn; every candidate keeps its own place in the circle and hands it to its children.
    #[default]
    RoundRobin,
    /// All of them, each by a query of its own.
    All,
}

/// How two members are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MergeOptions {
    /// Accepted merges after which no more fall due; at least 1. Every accepted child makes one due, and what is due
    /// already may still be tried, so a run can end with more, as in the reference.
    pub max_invocations: usize,
    /// Validation examples a merged candidate must pass before the full evaluation; at least 1.
    pub examples: usize,
    /// Validation examples both members must share; at least 1.
    pub overlap: usize,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { max_invocations: 5, examples: 5, overlap: 5 }
    }
}

/// Settings of [`Gepa`](crate::Gepa); the defaults are those of gepa 0.1.4.
///
/// ```
/// use prompt_grammar::gepa::{MergeOptions, Options};
/// let options = Options { minibatch: 5, merge: Some(MergeOptions::default()), ..Options::default() };
/// assert!(options.skip_perfect);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Training examples an iteration looks at; 1 to the number of training examples.
    pub minibatch: usize,
    /// The best score an example can have, where there is one.
    pub perfect_score: Option<f64>,
    /// Whether an iteration ends when its whole minibatch has the perfect score. Needs `perfect_score`.
    pub skip_perfect: bool,
    /// Whether members are merged as well.
    pub merge: Option<MergeOptions>,
    /// When a child passes its minibatch.
    pub acceptance: Acceptance,
    /// Which member is rewritten.
    pub parent: ParentChoice,
    /// Which of its components.
    pub component: ComponentChoice,
    /// The components that may be rewritten; `None` means all.
    pub mutable: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minibatch: 3,
            perfect_score: Some(1.0),
            skip_perfect: true,
            merge: None,
            acceptance: Acceptance::default(),
            parent: ParentChoice::default(),
            component: ComponentChoice::default(),
            mutable: None,
        }
    }
}

impl Options {
    /// Checks the ranges against the data; gives the names of the components to rewrite, in the seed's order.
    pub(super) fn check(&self, seed: &Components, train: usize) -> Result<Vec<String>, PromptError> {
        if self.minibatch == 0 || self.minibatch > train {
            let allowed = format!("1 to {train}, the number of training examples");
            return Err(PromptError::range("minibatch", self.minibatch, &allowed));
        }
        match self.perfect_score {
            Some(score) if !score.is_finite() => {
                return Err(PromptError::range("perfect_score", score, "a finite number, or none"));
            }
            None if self.skip_perfect => {
                return Err(PromptError::range(
                    "skip_perfect",
                    true,
                    "false where there is no perfect_score",
                ));
            }
            _ => {}
        }
        if let ParentChoice::EpsilonGreedy(epsilon) = self.parent
            && !(0.0..=1.0).contains(&epsilon)
        {
            return Err(PromptError::range("epsilon", epsilon, "0 to 1"));
        }
        if let Some(merge) = self.merge {
            let counts = [
                ("merge.max_invocations", merge.max_invocations),
                ("merge.examples", merge.examples),
                ("merge.overlap", merge.overlap),
            ];
            if let Some((field, value)) = counts.into_iter().find(|(_, n)| *n == 0) {
                return Err(PromptError::range(field, value, "at least 1"));
            }
        }
        self.rewritable(seed)
    }

    fn rewritable(&self, seed: &Components) -> Result<Vec<String>, PromptError> {
        let Some(chosen) = &self.mutable else {
            return Ok(seed.names().map(String::from).collect());
        };
        if chosen.is_empty() {
            return Err(PromptError::Empty { what: "mutable" });
        }
        if let Some(name) = chosen.iter().find(|name| seed.get(name).is_none()) {
            let allowed = seed.names().collect::<Vec<_>>().join(", ");
            return Err(PromptError::UnknownComponent { name: name.clone(), allowed });
        }
        Ok(seed.names().filter(|name| chosen.iter().any(|c| c == name)).map(String::from).collect())
    }
}
