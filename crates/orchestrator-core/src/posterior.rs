//! What is believed of every system, from all results together: the joint posterior that the pillars' parts share.
//!
//! A system is described by *features*: the clauses of its texts, shared between systems, and for every text a rest of its
//! own. Results say which component failed first, and each kind of failure is a *stage* of its own, so that one
//! evaluation teaches about every component it reached and about no other.

mod estimate;
mod features;
mod price;
mod stage;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::features::Features;
use self::price::Prices;
use self::stage::{Stage, Tally};

pub use self::estimate::{Estimate, Sample};
pub use self::features::FeatureId;

/// What is assumed before any result, on the logit scale; variances are learned from there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prior {
    /// Variance of a clause's effect where its component may be blamed.
    pub clause: f64,
    /// The same where others are blamed: texts reach a little into their neighbours.
    pub foreign: f64,
    /// Variance of what a text is beyond its clauses.
    pub rest: f64,
    /// Variance of the examples' difficulties.
    pub difficulty: f64,
    /// Variance of the constant.
    pub constant: f64,
    /// Mean (up for what complaints ask for, down for what they are about) and variance of how much hearsay counts.
    pub hearsay: (f64, f64),
    /// How many observed deviations the variances of clauses, rests and difficulties count as.
    pub weight: (f64, f64, f64),
}

impl Default for Prior {
    fn default() -> Self {
        Self {
            clause: 0.3,
            foreign: 0.0,
            rest: 0.3,
            difficulty: 1.5,
            constant: 4.0,
            hearsay: (0.3, 0.1),
            weight: (10.0, 5.0, 20.0),
        }
    }
}

impl Prior {
    fn is_sound(&self) -> bool {
        let (a, b, c) = self.weight;
        let positive = [self.clause, self.rest, self.difficulty, self.constant, self.hearsay.1, a, b, c];
        positive.iter().all(|x| x.is_finite() && *x > 0.0)
            && self.foreign.is_finite()
            && self.foreign >= 0.0
            && self.hearsay.0.is_finite()
    }
}

/// One result: a system on an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    system: usize,
    example: usize,
    /// Share of the full score, in [0, 1], the price added back.
    score: f64,
    /// Index of the kind of failure in the order of discovery; none for a full score.
    kind: Option<usize>,
}

/// A chain of logistic regressions with example difficulties, on features that systems share.
///
/// An example is failed in one of several *kinds* of failure, a kind being the set of components that are blamed. Kinds are
/// gone through in the order of their components, and stage s is passed with probability sigma(z), z = constant + effects
/// of the system's features + difficulty of the example. A result that passes counts as a success in every stage, one that
/// fails as a success before its kind and a failure in it, and says nothing of later ones; a score between 0 and 1 counts
/// as that share of both. Without blame there is one stage.
///
/// In a stage, clauses of blamed components have one variance, clauses of others another, rests of blamed texts a third; rests
/// of others have no effect. What complaints say of clauses enters as two features with learned weights. Variances are
/// learned by damped EM every fourth update. The posterior is Laplace's: one warm Newton step an update, difficulties
/// eliminated by the Schur complement. An update costs O(stages (rows + examples features^2 + features^3)).
///
/// What a system loses on all examples alike, whether it passes or fails, is its *price*, learned apart.
///
/// Numbers of features, systems and examples are those this object gave or was made for; others panic.
///
/// ```
/// use orchestrator_core::posterior::{Posterior, Prior};
/// let mut posterior = Posterior::new(1, 8, Prior::default());
/// let [good, bad, new] = [0; 3].map(|component| posterior.clause(component));
/// for (clause, score) in [(good, 1.0), (bad, 0.0)] {
///     let system = posterior.system(&[clause]);
///     let blamed = if score < 1.0 { vec![0] } else { vec![] };
///     posterior.observe(system, &(0..8).map(|example| (example, score, blamed.clone())).collect::<Vec<_>>());
/// }
/// (0..8).for_each(|_| posterior.update());
/// let [good, bad, new] = [good, bad, new].map(|clause| posterior.estimate(&[clause]));
/// assert!(good.mean > new.mean && new.mean > bad.mean && new.sd > good.sd);
/// ```
///
/// Sources: De Boeck & Wilson 2004, "Explanatory Item Response Models", chapter 6; Tutz 1990 for the sequential form; MacKay
/// 1992, "The evidence framework applied to classification networks", eq. 13, for the mean of sigma under a normal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Posterior {
    components: usize,
    examples: usize,
    prior: Prior,
    features: Features,
    systems: Vec<Vec<FeatureId>>,
    rows: Vec<Row>,
    kinds: Vec<Vec<usize>>,
    /// Kinds in the order of their components, with their regressions.
    stages: Vec<(usize, Stage)>,
    prices: Prices,
    updates: u64,
}

impl Posterior {
    /// Nothing observed, of systems of `components` components on `examples` examples.
    pub fn new(components: usize, examples: usize, prior: Prior) -> Self {
        Self {
            components,
            examples,
            prior,
            features: Features::default(),
            systems: Vec::new(),
            rows: Vec::new(),
            kinds: Vec::new(),
            stages: Vec::new(),
            prices: Prices::default(),
            updates: 0,
        }
    }

    /// Something that texts of a component may share.
    pub fn clause(&mut self, component: usize) -> FeatureId {
        self.features.clause(component)
    }

    /// What one text of a component is beyond its clauses.
    pub fn rest(&mut self, component: usize) -> FeatureId {
        self.features.rest(component)
    }

    /// What complaints say of a clause: how strongly it is asked for and how often it is complained of, each in [0, 1].
    pub fn hear(&mut self, clause: FeatureId, wanted: f64, blamed: f64) {
        self.features.hear(clause, wanted, blamed);
    }

    /// The effect that a clause had in earlier runs. How much such memories count is learned, component by component, from a
    /// half: where they mislead, they soon count nothing.
    pub fn recall(&mut self, clause: FeatureId, effect: f64) {
        self.features.recall(clause, effect);
    }

    /// Mean and variance of a clause's effect on the logit of passing, over the stages where its component is blamed; none
    /// while there is no such stage. O(stages features^2).
    pub fn effect(&self, clause: FeatureId) -> Option<(f64, f64)> {
        let effects = self.stages.iter().filter_map(|(_, stage)| stage.effect(&self.features, clause));
        let effects: Vec<(f64, f64)> = effects.collect();
        let n = effects.len() as f64;
        let sum = effects.iter().fold((0.0, 0.0), |(m, v), (mean, variance)| (m + mean, v + variance));
        (n > 0.0).then(|| (sum.0 / n, sum.1 / n))
    }

    /// The number of a system with these features.
    pub fn system(&mut self, features: &[FeatureId]) -> usize {
        self.systems.iter().position(|s| s == features).unwrap_or_else(|| {
            self.systems.push(features.to_vec());
            self.systems.len() - 1
        })
    }

    /// Takes in results of one system, as (example, score, components to blame in increasing order); [`Posterior::update`]
    /// draws the conclusions. `system` is a number from [`Posterior::system`].
    pub fn observe(&mut self, system: usize, results: &[(usize, f64, Vec<usize>)]) {
        let price = self.prices.observe(system, results.iter().map(|(_, score, _)| *score));
        for (example, score, blamed) in results {
            let score = (score + price).clamp(0.0, 1.0);
            let kind = (score < 1.0 - 1e-6).then(|| self.kind(blamed));
            self.rows.push(Row { system, example: *example, score, kind });
        }
    }

    /// The index of a kind. Beyond one a component and nobody, kinds are taken for the known one that shares most components.
    fn kind(&mut self, blamed: &[usize]) -> usize {
        if let Some(known) = self.kinds.iter().position(|k| k == blamed) {
            return known;
        }
        if self.kinds.len() > self.components {
            let shared = |k: &Vec<usize>| k.iter().filter(|s| blamed.contains(s)).count();
            let most = self.kinds.iter().map(shared).max().unwrap_or(0);
            return self.kinds.iter().position(|k| shared(k) == most).unwrap_or(0);
        }
        self.kinds.push(blamed.to_vec());
        let kind = self.kinds.len() - 1;
        // Nobody comes last: such failures happen to what nobody else failed.
        let order = |k: &[usize]| if k.is_empty() { vec![usize::MAX] } else { k.to_vec() };
        let at = self.stages.partition_point(|(k, _)| order(&self.kinds[*k]) < order(blamed));
        self.stages.insert(at, (kind, Stage::new(blamed, self.examples, &self.prior)));
        kind
    }

    /// Draws conclusions from what was observed.
    pub fn update(&mut self) {
        self.updates += 1;
        let learn = self.updates.is_multiple_of(4);
        let places = self.places();
        for at in 0..self.stages.len() {
            let tallies = self.tallies(at, &places);
            let stage = &mut self.stages[at].1;
            stage.grow(&self.features);
            stage.step(&self.features, &self.systems, &tallies, &self.prior);
            if learn {
                stage.learn(&self.features, &self.prior);
            }
            stage.factor(&self.features, &self.systems, &tallies, &self.prior);
        }
        self.prices.learn(&self.features, &self.systems);
    }

    /// Whether a saved state is of so many components and examples, and refers to nothing that it does not hold.
    pub fn is_sound(&self, components: usize, examples: usize) -> bool {
        let row = |r: &Row| {
            let kind = r.kind.is_none_or(|k| k < self.kinds.len());
            r.system < self.systems.len() && r.example < examples && (0.0..=1.0).contains(&r.score) && kind
        };
        let stage = |(k, s): &(usize, Stage)| *k < self.kinds.len() && s.is_sound(&self.features, examples);
        let placed = |k: usize| self.stages.iter().filter(|(kind, _)| *kind == k).count() == 1;
        (self.components, self.examples) == (components, examples)
            && self.prior.is_sound()
            && self.features.is_sound(components)
            && self.systems.iter().flatten().all(|f| *f < self.features.len())
            && self.rows.iter().all(row)
            && self.kinds.iter().flatten().all(|c| *c < components)
            && self.stages.len() == self.kinds.len()
            && (0..self.kinds.len()).all(placed)
            && self.stages.iter().all(stage)
            && self.prices.is_sound(self.systems.len(), self.features.len())
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// Computes again what a saved state leaves out.
    pub fn rebuild(&mut self) {
        let places = self.places();
        for at in 0..self.stages.len() {
            let tallies = self.tallies(at, &places);
            let stage = &mut self.stages[at].1;
            stage.factor(&self.features, &self.systems, &tallies, &self.prior);
        }
    }

    /// The place of every kind among the stages.
    fn places(&self) -> Vec<usize> {
        let place = |kind: usize| self.stages.iter().position(|(k, _)| *k == kind).unwrap_or(usize::MAX);
        (0..self.kinds.len()).map(place).collect()
    }

    /// Successes and trials in the stage at `at`, one for a row that reached it.
    fn tallies(&self, at: usize, places: &[usize]) -> Vec<Tally> {
        let tally = |row: &Row| {
            let failed = row.kind.map_or(usize::MAX, |kind| places[kind]);
            let (successes, trials) = match at.cmp(&failed) {
                std::cmp::Ordering::Less => (1.0, 1.0),
                std::cmp::Ordering::Equal => (row.score, 1.0),
                std::cmp::Ordering::Greater => (row.score, row.score),
            };
            let tally = Tally { system: row.system, example: row.example, successes, trials };
            (trials > 0.0).then_some(tally)
        };
        self.rows.iter().filter_map(tally).collect()
    }
}
