//! Search over texts and their clauses together, steered by the joint posterior.

mod allocator;
mod experience;
mod inner;
mod operator;
mod options;
mod propose;
mod recombine;
mod round;
mod snapshot;
mod versions;
mod wording;

use coordination::Component;
use coordination::budget::Allocation;
use meta_traits::{
    Ask, Budget, Components, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, Query, QueryId,
    Reply, Scored, Split, StopReason, Stream, TellError, Trial, TrialId, Unit,
};
use prompt_grammar::PromptError;
use serde::{Deserialize, Serialize};

use self::allocator::Allocator;
use self::inner::Inner;
use self::round::{Pending, Step};
use self::versions::{VersionId, Versions};
use crate::experience::Experience;
use crate::posterior::Posterior;
use crate::run::{Credit, RunError, Search};

pub use self::allocator::{OperatorSelector, Record};
pub use self::inner::InnerSearch;
pub use self::operator::Operator;
pub use self::options::Options;
pub use self::snapshot::JointState;

/// Search over a system's texts and the clauses they are made of, by one posterior of both.
///
/// A round: texts of the components that are to blame are rewritten, one query a text, by reflection on stored failures;
/// then an [`Operator`] names a system, which is evaluated on a block of examples. Most systems are the best under a draw
/// of the posterior (Thompson): first of the texts there are, then with their lines combined anew. A text not evaluated
/// yet is worth its clauses and a rest drawn for it, so where clauses say little, known texts win. Training and
/// validation examples are both used for measuring, proposers see training examples only.
///
/// Which operator proposes is drawn by [`Options::operators`]; [`Joint::with_selector`] lets a selector learn it, and
/// [`Joint::with_shares`] holds each pillar to its part of the budget.
///
/// The recommendation is the evaluated system with the highest posterior mean less [`Options::caution`] standard
/// deviations; its observation holds its own scores, with the posterior's mean as loss and variance. One thing is pending
/// at a time; draws come from key paths by round. An update costs what [`Posterior::update`] does.
///
/// ```
/// use meta_traits::{Ask, Components, ExampleId, Instances, Optimizer, Split, Stream};
/// use orchestrator_core::algorithms::{Joint, joint::Options};
/// let seed: Components = [("answer", "role: clerk\nBe brief.")].into_iter().collect();
/// let examples = |split| (0..20).map(|i| ExampleId::new(split, i)).collect();
/// let (train, val) = (examples(Split::Train), examples(Split::Val));
/// let mut search = Joint::new(&seed, train, val, Options::default(), Stream::root(1))?;
/// let Ask::Run(trial) = search.ask() else { unreachable!("the seed comes first") };
/// assert_eq!(trial.candidate, seed);
/// assert!(matches!(trial.on, Instances::Exactly(on) if on.len() == 8));
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Debug)]
pub struct Joint {
    names: Vec<String>,
    examples: Vec<ExampleId>,
    options: Options,
    stream: Stream,
    posterior: Posterior,
    versions: Versions,
    entrants: Vec<Entrant>,
    todo: Vec<usize>,
    base: Vec<VersionId>,
    rounds: u64,
    results: u64,
    /// Whether this round's rewrites are chosen; rewrites in a row without a new line.
    written: bool,
    dry: u64,
    /// Texts written this round.
    fresh: Vec<VersionId>,
    allocator: Allocator,
    inner: Inner,
    mark: Mark,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    best: Option<Best>,
    /// The latest decision in words.
    said: Option<String>,
}

/// What is recommended: an entrant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    entrant: usize,
    candidate: Components,
    seen: Observation,
}

/// When the recommendation last made progress, and its mean then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Mark {
    results: u64,
    mean: f64,
}

/// A system that was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entrant {
    system: Vec<VersionId>,
    scores: Vec<Scored>,
}

impl Joint {
    /// A search from `seed`.
    ///
    /// # Errors
    /// [`PromptError`] when the seed or a split is empty, or an option is outside its range.
    pub fn new(
        seed: &Components,
        train: Vec<ExampleId>,
        val: Vec<ExampleId>,
        options: Options,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        if seed.is_empty() {
            return Err(PromptError::Empty { what: "the seed candidate" });
        }
        for (what, empty) in [("train", train.is_empty()), ("val", val.is_empty())] {
            if empty {
                return Err(PromptError::Empty { what });
            }
        }
        options.check()?;
        let names: Vec<String> = seed.names().map(str::to_owned).collect();
        let turns = options.turns.iter().flat_map(|(_, names)| names).map(|name| ("turns", name));
        let known = options.vocabulary.keys().map(|name| ("vocabulary", name));
        let owned = options.pillars.keys().map(|name| ("pillars", name));
        for (field, name) in turns.chain(known).chain(owned) {
            let component = name.split_once('/').map_or(name.as_str(), |(component, _)| component);
            if !names.iter().any(|known| known == component) {
                let (field, allowed) = (format!("joint.{field}"), names.join(", "));
                return Err(PromptError::Range { field, value: name.clone(), allowed });
            }
        }
        let examples: Vec<ExampleId> = train.into_iter().chain(val).collect();
        let mut posterior = Posterior::new(names.len(), examples.len(), options.prior);
        let mut versions = Versions::new(names.len(), examples.len());
        let seed = seed.iter().enumerate();
        let base = seed.map(|(c, (_, text))| versions.add(&mut posterior, c, text.to_owned()).0).collect();
        for (component, name) in names.iter().enumerate() {
            for line in options.vocabulary.get(name).into_iter().flatten() {
                let _ = versions.know(&mut posterior, component, line);
            }
        }
        let allocator = Allocator::new(options.weights(), options.learned);
        Ok(Self {
            names,
            examples,
            options,
            stream,
            posterior,
            versions,
            entrants: Vec::new(),
            todo: Vec::new(),
            base,
            rounds: 0,
            results: 0,
            written: false,
            dry: 0,
            fresh: Vec::new(),
            allocator,
            inner: Inner::default(),
            mark: Mark::default(),
            trials: 0,
            queries: 0,
            step: Step::Next,
            pending: None,
            best: None,
            said: None,
        })
    }

    /// The same with a selector that learns which operator leads: its arms are [`Operator::ALL`], its rewards 1 where a
    /// proposal became the recommendation and 0 elsewhere, its context what [`Joint::context`] says.
    #[must_use]
    pub fn with_selector(mut self, selector: Box<dyn OperatorSelector>) -> Self {
        self.allocator.set_selector(selector);
        self
    }

    /// The same with a search of a pillar's own that makes lines no text has: the pillar's operator asks it, by
    /// [`Options::inventive`].
    #[must_use]
    pub fn with_inner(mut self, pillar: Component, search: Box<dyn InnerSearch>) -> Self {
        self.inner.insert(pillar, search);
        self
    }

    /// The same with every pillar held to its part of the metric calls. Pillars that own none of the texts, as
    /// [`Options::pillars`] says, take no part.
    #[must_use]
    pub fn with_shares(mut self, mut shares: Allocation) -> Self {
        let owned = |name: &String| self.options.pillars.contains_key(name);
        for pillar in [Component::Topology, Component::Hyperopt] {
            if !self.options.pillars.values().any(|of| *of == pillar) {
                shares.retire(pillar);
            }
        }
        if self.names.iter().all(owned) {
            shares.retire(Component::Prompt);
        }
        self.allocator.set_shares(shares);
        self
    }

    /// What operators were given and brought, in the order of [`Operator::ALL`].
    pub fn records(&self) -> &[Record; Operator::ALL.len()] {
        self.allocator.records()
    }

    /// Which operators proposed what was measured, and the metric calls in a row, in order.
    pub fn history(&self) -> &[(Operator, u64)] {
        self.allocator.history()
    }

    /// How the budget is divided, if it is.
    pub fn shares(&self) -> Option<&Allocation> {
        self.allocator.shares()
    }

    /// The run as a selector sees it, about 0 to 1 each: mean and standard deviation of the recommendation, the share of the
    /// results that came since the last progress, the logarithm of the results over 10, systems per result.
    pub fn context(&self) -> [f64; 5] {
        let (mean, sd) = self.best.as_ref().map_or((0.0, 1.0), |best| {
            let seen = &best.seen;
            (1.0 - seen.losses.first().copied().unwrap_or(1.0), seen.variance.unwrap_or(1.0).sqrt())
        });
        let results = self.results.max(1) as f64;
        [
            mean,
            sd,
            (self.results - self.mark.results) as f64 / results,
            results.ln_1p() / 10.0,
            self.entrants.len() as f64 / results,
        ]
    }

    /// Whether `budget` allows the seed's first blocks and one with a new text.
    ///
    /// # Errors
    /// [`RunError::BudgetTooSmall`] with the least number of calls that does.
    pub fn affordable(budget: &Budget, options: &Options) -> Result<(), RunError> {
        let (seed, block) = (options.first * options.block(0), options.block(0));
        let need = (seed + block) as u64;
        match budget.limit(Unit::Evaluations) {
            Some(have) if have < need => Err(RunError::BudgetTooSmall {
                have,
                need_for: format!("meeting the seed takes {seed}, trying new texts {block}"),
                need,
            }),
            _ => Ok(()),
        }
    }

    fn candidate(&self, system: &[VersionId]) -> Components {
        self.names
            .iter()
            .map(String::as_str)
            .zip(system.iter().map(|&v| self.versions.get(v).text.as_str()))
            .collect()
    }

    fn check(&self, seen: &Observation, on: &[usize]) -> Result<(), TellError> {
        if seen.instances.len() != on.len() {
            let (n, m) = (on.len(), seen.instances.len());
            return Err(TellError::Mismatch(format!("{n} examples were asked for, {m} are reported")));
        }
        for (i, (scored, example)) in seen.instances.iter().zip(on).enumerate() {
            if scored.example != self.examples[*example] || !scored.score.is_finite() {
                return Err(TellError::Mismatch(format!(
                    "result {i} is of {} with {}",
                    scored.example, scored.score
                )));
            }
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }
}

impl Optimizer for Joint {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        if self.pending.is_some() {
            return Ask::Wait;
        }
        if self.step == Step::Next {
            self.step = self.plan();
        }
        match &self.step {
            Step::Over(reason) => Ask::Done(*reason),
            Step::Write { version, evidence } => {
                let id = QueryId(self.queries);
                self.queries += 1;
                self.pending = Some(Pending::Query(id));
                let component = self.versions.get(*version).component;
                let mut system = self.base.clone();
                system[component] = *version;
                Ask::Query(Query::new(
                    id,
                    self.names[component].clone(),
                    self.candidate(&system),
                    evidence.clone(),
                ))
            }
            Step::Block { system, on } => {
                let id = TrialId(self.trials);
                self.trials += 1;
                self.pending = Some(Pending::Trial(id));
                let examples = on.iter().map(|&j| self.examples[j]).collect();
                Ask::Run(
                    Trial::new(id, self.candidate(system), Fidelity::FULL, Instances::Exactly(examples))
                        .traced(),
                )
            }
            Step::Next => Ask::Wait,
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        if self.pending != Some(Pending::Trial(id)) {
            return Err(TellError::UnknownTrial(id));
        }
        let Step::Block { system, on } = &self.step else { return Err(TellError::UnknownTrial(id)) };
        if let Outcome::Complete(seen) = &outcome {
            self.check(seen, on)?;
        }
        self.pending = None;
        let (system, on) = (system.clone(), on.clone());
        self.step = Step::Next;
        match outcome {
            Outcome::Complete(seen) => self.complete(system, &on, seen),
            Outcome::Failed { .. } if self.entrants.is_empty() => {
                self.step = Step::Over(StopReason::Failures);
            }
            Outcome::Failed { cost, message, .. } => {
                self.hand_back(&message);
                let context = self.context();
                self.allocator.settle(cost.evaluations, 0.0, false, &context);
            }
            _ => self.hand_back("abandoned"),
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        if self.pending != Some(Pending::Query(id)) {
            return Err(TellError::UnknownQuery(id));
        }
        self.pending = None;
        let Step::Write { version, .. } = std::mem::replace(&mut self.step, Step::Next) else {
            return Ok(());
        };
        if let Reply::Text(text) = reply {
            self.written(version, text);
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        self.best.as_ref().map(|best| (&best.candidate, &best.seen))
    }
}

fn is_train(example: ExampleId) -> bool {
    example.split == Split::Train
}

impl Search for Joint {
    fn decisions(&mut self) -> Vec<String> {
        self.said.take().into_iter().collect()
    }

    fn credits(&self) -> Vec<Credit> {
        let credit = |(operator, record): (Operator, &Record)| Credit {
            algorithm: operator.name().to_owned(),
            pillar: operator.component().name().to_owned(),
            intended: self.shares().map(|shares| shares.intended(operator.component())),
            proposals: record.systems,
            calls: record.calls,
            gain: record.gain,
        };
        let used = |credit: &Credit| credit.proposals > 0;
        Operator::ALL.into_iter().zip(self.records()).map(credit).filter(used).collect()
    }

    fn experience(&self) -> Option<Experience> {
        Some(Joint::experience(self))
    }

    fn history(&self) -> Vec<(String, u64)> {
        let named = |(operator, calls): &(Operator, u64)| (operator.name().to_owned(), *calls);
        self.allocator.history().iter().map(named).collect()
    }
}
