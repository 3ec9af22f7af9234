use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Cost, ErrorKind, Fidelity};

/// Names one trial of one optimizer. Ids are unique and increase in the order of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub u64);

/// One candidate to evaluate, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial<C> {
    /// The name to report the outcome under.
    pub id: TrialId,
    /// What to evaluate.
    pub candidate: C,
    /// How much of a full evaluation to spend.
    pub fidelity: Fidelity,
    /// On which examples.
    pub on: Instances,
    /// Whether notes on what went wrong are wanted beside the scores.
    pub trace: bool,
}

impl<C> Trial<C> {
    /// A trial without trace.
    pub fn new(id: TrialId, candidate: C, fidelity: Fidelity, on: Instances) -> Self {
        Self { id, candidate, fidelity, on, trace: false }
    }

    /// The same trial with notes wanted.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.trace = true;
        self
    }
}

/// The part of a data set an example belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Split {
    /// May be shown to proposers.
    Train,
    /// Decides what is kept.
    Val,
    /// Untouched by the search; scored once at the end.
    Test,
}

impl Split {
    /// The lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Names one example: its split and its position there, from 0.
///
/// The written form is `train/12`.
///
/// ```
/// use meta_traits::{ExampleId, Split};
/// let id: ExampleId = "val/3".parse().unwrap();
/// assert_eq!(id, ExampleId::new(Split::Val, 3));
/// assert_eq!(id.to_string(), "val/3");
/// assert!("dev/3".parse::<ExampleId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExampleId {
    /// The part of the data set.
    pub split: Split,
    /// Position in that part, from 0.
    pub index: u32,
}

impl ExampleId {
    /// The example at `index` of `split`.
    pub const fn new(split: Split, index: u32) -> Self {
        Self { split, index }
    }
}

impl fmt::Display for ExampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.split.name(), self.index)
    }
}

impl FromStr for ExampleId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || alloc::format!("'{text}' names no example; write train/N, val/N or test/N");
        let (split, index) = text.split_once('/').ok_or_else(wrong)?;
        let split = match split {
            "train" => Split::Train,
            "val" => Split::Val,
            "test" => Split::Test,
            _ => return Err(wrong()),
        };
        Ok(Self { split, index: index.parse().map_err(|_| wrong())? })
    }
}

impl TryFrom<String> for ExampleId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ExampleId> for String {
    fn from(id: ExampleId) -> String {
        alloc::format!("{id}")
    }
}

/// One evaluation of one example: which example, and which repetition of it for the same candidate.
///
/// The same candidate, example and repeat is the same random draw; a fresh repeat is a fresh draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Draw {
    /// The example.
    pub example: ExampleId,
    /// How often this candidate met this example before.
    pub repeat: u32,
}

/// On which examples a trial is to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Instances {
    /// The driver chooses.
    Driver,
    /// These examples, in this order; the driver numbers the repeats.
    Exactly(Vec<ExampleId>),
    /// These draws, in this order. Drivers hand this form to evaluators.
    Draws(Vec<Draw>),
}

/// A remark of an evaluator on one component, for proposers to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The component the remark is about.
    pub component: String,
    /// The remark.
    pub text: String,
}

/// The score of one draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scored {
    /// The example.
    pub example: ExampleId,
    /// Which repetition of it for the same candidate, from 0.
    pub repeat: u32,
    /// Higher is better; most metrics lie in [0, 1].
    pub score: f32,
    /// Remarks per component; empty unless the trial asked for a trace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

impl Scored {
    /// A score without notes.
    pub fn new(draw: Draw, score: f32) -> Self {
        Self { example: draw.example, repeat: draw.repeat, score, notes: Vec::new() }
    }
}

/// What an evaluation found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Observation {
    /// One loss an objective, minimised.
    pub losses: Vec<f64>,
    /// One number a constraint; feasible when at most 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<f64>,
    /// Variance of the first loss as an estimate, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance: Option<f64>,
    /// Scores example by example, in the order of the trial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Scored>,
    /// What the evaluation used.
    pub cost: Cost,
}

impl Observation {
    /// A single loss and nothing else; one evaluation is charged.
    pub fn of_loss(loss: f64) -> Self {
        Self { losses: alloc::vec![loss], cost: Cost::evaluations(1), ..Self::default() }
    }

    /// Scores example by example; the loss is 1 minus their mean, the variance that of the mean.
    ///
    /// With no scores the loss is NaN, which no optimizer may take for its best. O(n).
    pub fn of_scores(instances: Vec<Scored>, cost: Cost) -> Self {
        let n = instances.len() as f64;
        let mean = instances.iter().map(|s| f64::from(s.score)).sum::<f64>() / n;
        let spread = |s: &Scored| (f64::from(s.score) - mean) * (f64::from(s.score) - mean);
        let variance =
            (instances.len() > 1).then(|| instances.iter().map(spread).sum::<f64>() / (n * (n - 1.0)));
        Self { losses: alloc::vec![1.0 - mean], violations: Vec::new(), variance, instances, cost }
    }

    /// Whether every loss is finite, there is at least one, and no constraint is violated or NaN.
    pub fn is_sound(&self) -> bool {
        !self.losses.is_empty()
            && self.losses.iter().all(|l| l.is_finite())
            && self.violations.iter().all(|v| *v <= 0.0)
    }
}

/// How a trial ended. A failed evaluation is data, not an error of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Evaluated as asked.
    Complete(Observation),
    /// Stopped early, as the optimizer advised.
    Pruned {
        /// The fidelity reached.
        at: Fidelity,
        /// What was seen until then.
        last: Observation,
    },
    /// The evaluation failed. Never cached.
    Failed {
        /// The sort of fault.
        kind: ErrorKind,
        /// What happened, in one line.
        message: String,
        /// What was spent all the same.
        cost: Cost,
    },
    /// Never evaluated: the driver dropped it.
    Abandoned,
}

impl Outcome {
    /// What was spent.
    pub fn cost(&self) -> Cost {
        match self {
            Self::Complete(o) | Self::Pruned { last: o, .. } => o.cost,
            Self::Failed { cost, .. } => *cost,
            Self::Abandoned => Cost::ZERO,
        }
    }

    /// The first loss of a complete evaluation.
    pub fn loss(&self) -> Option<f64> {
        match self {
            Self::Complete(o) => o.losses.first().copied(),
            _ => None,
        }
    }
}
