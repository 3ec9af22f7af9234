//! What is believed of every candidate, from all results together.

mod estimate;
mod regression;
mod snapshot;

use serde::{Deserialize, Serialize};

use self::regression::Regression;

pub use self::estimate::{Effects, Estimate};
pub use self::snapshot::PosteriorState;

/// Names one part: one version of one slot of a candidate, in the order of entering.
pub type PartId = usize;

/// What is assumed before any result; everything is learned from there.
///
/// On the logit scale. The defaults suit scores in [0, 1] of systems that pass between 5 and 95 % of their examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prior {
    /// Standard deviation of a new version's effect around the version it was made from, where it may be blamed.
    pub own: f64,
    /// The same where others are blamed: parts reach a little into their neighbours.
    pub other: f64,
    /// Standard deviation of the examples' difficulties.
    pub difficulty: f64,
    /// Standard deviation of the first version's effect around 0.
    pub first: f64,
    /// How many observed deviations the first two count as when they are learned.
    pub weight: f64,
}

impl Default for Prior {
    fn default() -> Self {
        Self { own: 0.7, other: 0.25, difficulty: 1.5, first: 2.0, weight: 10.0 }
    }
}

/// A part: its slot and the part it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) slot: usize,
    pub(super) parent: Option<PartId>,
}

/// One result: a combination of parts on an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) combination: usize,
    pub(super) example: usize,
    /// In [0, 1].
    pub(super) score: f64,
    /// Index of the kind of failure, in the order of discovery.
    pub(super) kind: usize,
}

/// The joint posterior: a chain of logistic regressions with example difficulties.
///
/// A candidate is one part per slot. An example is failed in one of several *kinds* of failure, a kind being the set of
/// slots that are blamed; kinds are gone through in the order of their slots, and stage s is passed with probability
/// sigma(z_s), z_s = sum over slots of effect(s, part) + difficulty(s, example). A result that passes counts as a
/// success in every stage, one that fails as a success before its kind and a failure in it, and says nothing of later
/// ones; a score between 0 and 1 counts as that share of both. Without blame there is one kind and one logit.
///
/// The effect of a part is normal around that of the part it was made from; the variances, the mean step and the
/// variance of the difficulties are learned (damped EM). The posterior is Laplace's: one warm Newton step an update,
/// difficulties eliminated by the Schur complement. One update costs O(rows + parts^3).
///
/// Source: the mixed logistic model of item response theory (Rasch 1960; De Boeck & Wilson 2004, "Explanatory Item
/// Response Models", chapter 6) in the sequential (continuation-ratio) form of Tutz 1990; the approximation of the
/// mean of sigma under a normal is MacKay's (1992), "The evidence framework applied to classification networks", eq. 13.
#[derive(Clone, Debug)]
pub struct Posterior {
    pub(super) slots: usize,
    pub(super) examples: usize,
    pub(super) prior: Prior,
    pub(super) parts: Vec<Part>,
    pub(super) combinations: Vec<Vec<PartId>>,
    pub(super) rows: Vec<Row>,
    pub(super) kinds: Vec<Vec<usize>>,
    /// Kinds in the order of their slots, with their regressions.
    pub(super) stages: Vec<(usize, Regression)>,
    updates: u64,
    /// Rows and parts there were at the last update.
    concluded: (usize, usize),
}

impl Posterior {
    /// Nothing observed, of candidates with `slots` parts on `examples` examples.
    pub fn new(slots: usize, examples: usize, prior: Prior) -> Self {
        Self {
            slots,
            examples,
            prior,
            parts: Vec::new(),
            combinations: Vec::new(),
            rows: Vec::new(),
            kinds: Vec::new(),
            stages: Vec::new(),
            updates: 0,
            concluded: (0, 0),
        }
    }

    /// A new version for `slot`, made from `parent` (which must be a part of the same slot).
    pub fn part(&mut self, slot: usize, parent: Option<PartId>) -> PartId {
        let parent = parent.filter(|&p| p < self.parts.len());
        self.parts.push(Part { slot, parent });
        for (_, stage) in &mut self.stages {
            stage.grow(&self.parts);
        }
        self.parts.len() - 1
    }

    /// The number of a combination of parts, one a slot in order.
    pub fn combination(&mut self, parts: &[PartId]) -> usize {
        self.combinations.iter().position(|c| c == parts).unwrap_or_else(|| {
            self.combinations.push(parts.to_vec());
            self.combinations.len() - 1
        })
    }

    /// Takes in a result; [`Posterior::update`] draws the conclusions. `blamed` are the slots that are to blame for what
    /// is missing of `score`, in increasing order; nobody is a kind too.
    pub fn observe(&mut self, combination: usize, example: usize, score: f64, blamed: &[usize]) {
        let score = score.clamp(0.0, 1.0);
        let kind = if score < 1.0 { self.kind(blamed) } else { usize::MAX };
        self.rows.push(Row { combination, example, score, kind });
    }

    /// The index of a kind. Beyond one a slot and nobody, kinds are taken for the known one that shares most slots.
    fn kind(&mut self, blamed: &[usize]) -> usize {
        if let Some(known) = self.kinds.iter().position(|k| k == blamed) {
            return known;
        }
        if self.kinds.len() > self.slots {
            let shared = |k: &Vec<usize>| k.iter().filter(|s| blamed.contains(s)).count();
            let most = self.kinds.iter().map(shared).max().unwrap_or(0);
            return self.kinds.iter().position(|k| shared(k) == most).unwrap_or(0);
        }
        self.kinds.push(blamed.to_vec());
        let kind = self.kinds.len() - 1;
        // Nobody comes last: such failures happen to what nobody else failed.
        let order = |k: &[usize]| if k.is_empty() { vec![usize::MAX] } else { k.to_vec() };
        let at = self.stages.partition_point(|(k, _)| order(&self.kinds[*k]) < order(blamed));
        let stage = Regression::new(blamed, self.examples, &self.prior, &self.parts);
        self.stages.insert(at, (kind, stage));
        kind
    }

    /// Draws conclusions from what was observed: one Newton step a stage, and the factor of the curvature there.
    pub fn update(&mut self) {
        self.updates += 1;
        self.concluded = (self.rows.len(), self.parts.len());
        let learn = self.updates.is_multiple_of(4);
        let places = self.places();
        for at in 0..self.stages.len() {
            let tallies = self.tallies(at, &places);
            let stage = &mut self.stages[at].1;
            stage.step(&self.combinations, &self.parts, &tallies);
            if learn {
                stage.learn(&self.prior, &self.parts);
            }
            stage.factor(&self.combinations, &self.parts, &tallies);
        }
    }

    /// The place of every kind among the stages.
    fn places(&self) -> Vec<usize> {
        let place = |kind: usize| self.stages.iter().position(|(k, _)| *k == kind).unwrap_or(usize::MAX);
        (0..self.kinds.len()).map(place).collect()
    }

    /// Successes and trials in the stage at `at`, a row each that reached it.
    fn tallies(&self, at: usize, places: &[usize]) -> Vec<Tally> {
        self.rows[..self.concluded.0]
            .iter()
            .filter_map(|row| {
                let failed = places.get(row.kind).copied().unwrap_or(usize::MAX);
                let (successes, trials) = match at.cmp(&failed) {
                    std::cmp::Ordering::Less => (1.0, 1.0),
                    std::cmp::Ordering::Equal => (row.score, 1.0),
                    std::cmp::Ordering::Greater => (row.score, row.score),
                };
                (trials > 0.0).then_some(Tally {
                    combination: row.combination,
                    example: row.example,
                    successes,
                    trials,
                })
            })
            .collect()
    }
}

/// What a row says of one stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) combination: usize,
    pub(super) example: usize,
    pub(super) successes: f64,
    pub(super) trials: f64,
}
