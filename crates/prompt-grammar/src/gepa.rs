//! GEPA: reflective prompt evolution with a per-example Pareto front, as an ask/tell optimizer.
//!
//! The method is that of Agrawal et al., "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning"
//! (2025), in the form of the Python package gepa 0.1.4 with its defaults. One iteration:
//!
//! 1. draw a parent among the members that are best on some validation example;
//! 2. evaluate it with traces on the next minibatch of training examples; all perfect: the iteration ends here;
//! 3. have one of its components rewritten ([`Ask::Query`]) in the light of that evaluation;
//! 4. evaluate the child on the same minibatch; not better: it is forgotten;
//! 5. evaluate it on the whole validation set; it is a member of the pool from now on.
//!
//! The budget is the driver's business: it stops asking. Nothing is cached and nothing deduplicated, as in the
//! original; a driver that stores observations may answer repeated trials from its store.

mod batch;
mod decision;
mod draws;
mod merge;
mod options;
mod pool;
mod snapshot;
mod step;
mod transition;

use meta_traits::{
    Ask, Components, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, Query, QueryId, Reply,
    Split, Stream, TellError, Trial, TrialId,
};

use self::batch::Batches;
use self::decision::Log;
use self::merge::Merger;
use self::pool::Pool;
use self::step::{Pending, Step};
use crate::PromptError;

pub use self::decision::{Counts, Decision, Stage};
pub use self::draws::Draws;
pub use self::options::{Acceptance, ComponentChoice, MergeOptions, Options, ParentChoice};
pub use self::pool::Member;
pub use self::snapshot::GepaState;

/// The GEPA loop as a state machine; see the [module](self) for the method.
///
/// One thing is pending at a time. Scores (higher is better) come from `instances` of what is told and are summed in
/// `f64`. An evaluation that fails or is abandoned ends its iteration without result; if it is the seed's first,
/// failure ends the search ([`meta_traits::StopReason::Failures`]) and abandonment asks for it again.
/// Every draw comes from a key path of the stream (`epoch/N`, `iteration/N/..`), so it depends on the seed and the
/// iteration alone. Memory grows with the members of the pool.
///
/// ```
/// use meta_traits::*;
/// use prompt_grammar::gepa::{Gepa, Options};
///
/// let ids = |split| (0..4).map(|i| ExampleId::new(split, i)).collect::<Vec<_>>();
/// let seed: Components = [("answer", "a")].into_iter().collect();
/// let mut gepa = Gepa::new(seed, ids(Split::Train), ids(Split::Val), Options::default(), Stream::root(0))?;
/// for _ in 0..60 {
///     match gepa.ask() {
///         Ask::Run(trial) => {
///             // A metric that likes long prompts, up to ten characters.
///             let score = trial.candidate.get("answer").map_or(0, str::len).min(10) as f32 / 10.0;
///             let Instances::Exactly(on) = &trial.on else { unreachable!() };
///             let scored = on.iter().map(|&example| Scored::new(Draw { example, repeat: 0 }, score)).collect();
///             gepa.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, Cost::evaluations(4))))?;
///         }
///         Ask::Query(query) => {
///             let longer = format!("{}a", query.candidate.get(&query.component).unwrap_or_default());
///             gepa.answer(query.id, Reply::Text(longer))?;
///         }
///         _ => break,
///     }
/// }
/// assert_eq!(gepa.best().unwrap().0.get("answer"), Some("aaaaaaaaaa"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gepa {
    seed: Components,
    train: Vec<ExampleId>,
    val: Vec<ExampleId>,
    options: Options,
    /// Names of the components to rewrite, in the seed's order.
    names: Vec<String>,
    stream: Stream,
    /// Iterations begun.
    iteration: u64,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    pool: Pool,
    batches: Batches,
    merger: Merger,
    log: Log,
    /// Parents drawn.
    selected: u64,
    draws: Draws,
}

impl Gepa {
    /// A search that starts from `seed`, learns from `train` and keeps what is good on `val`.
    ///
    /// # Errors
    /// [`PromptError`] when the seed has no components, a list is empty, holds an example twice or a test example,
    /// or an option is outside its range.
    pub fn new(
        seed: Components,
        train: Vec<ExampleId>,
        val: Vec<ExampleId>,
        options: Options,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        if seed.is_empty() {
            return Err(PromptError::Empty { what: "the seed candidate" });
        }
        check_examples("train", &train)?;
        check_examples("val", &val)?;
        let names = options.check(&seed, train.len())?;
        let batches = Batches::new(options.minibatch);
        Ok(Self {
            seed,
            train,
            val,
            options,
            names,
            stream,
            iteration: 0,
            trials: 0,
            queries: 0,
            step: Step::Seed,
            pending: None,
            pool: Pool::default(),
            batches,
            merger: Merger::default(),
            log: Log::default(),
            selected: 0,
            draws: Draws::default(),
        })
    }

    /// Uses draws made elsewhere as long as they last.
    ///
    /// # Errors
    /// [`PromptError::Range`] when an epoch is no order of the training examples.
    pub fn following(mut self, draws: Draws) -> Result<Self, PromptError> {
        draws.check(self.train.len())?;
        self.draws = draws;
        Ok(self)
    }

    /// The members that parents are drawn from on the Pareto front, each with the number of validation examples it is
    /// best on, to which its chance is proportional.
    pub fn chances(&self) -> &[(usize, usize)] {
        self.pool.fronts()
    }

    /// All members in the order of their finding, the seed first; empty until the seed is evaluated.
    pub fn pool(&self) -> &[Member] {
        self.pool.members()
    }

    /// Position of the best member in [`Gepa::pool`].
    pub fn best_index(&self) -> Option<usize> {
        self.pool.best().map(|(index, _)| index)
    }

    /// The members from the seed to `index`, by first parents; empty when there is no such member.
    ///
    /// O(length of the line).
    pub fn lineage(&self, index: usize) -> Vec<usize> {
        let mut line = Vec::new();
        let mut at = (index < self.pool.members().len()).then_some(index);
        while let Some(m) = at {
            line.push(m);
            at = self.pool.member(m).parents.first().copied();
        }
        line.reverse();
        line
    }

    /// Iterations begun.
    pub fn iterations(&self) -> u64 {
        self.iteration
    }

    /// How many iterations ended which way.
    pub fn counts(&self) -> Counts {
        self.log.counts
    }

    /// What was decided since the last call; at most the latest 16, older ones are forgotten.
    pub fn drain_decisions(&mut self) -> Vec<Decision> {
        self.log.drain()
    }
}

pub(crate) fn check_examples(list: &'static str, ids: &[ExampleId]) -> Result<(), PromptError> {
    if ids.is_empty() {
        return Err(PromptError::Empty { what: list });
    }
    if let Some(&example) = ids.iter().find(|id| id.split == Split::Test) {
        return Err(PromptError::Examples {
            list,
            example,
            why: "from the test split; the search may not see it",
        });
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PromptError::Examples { list, example: pair[0], why: "twice; list it once" }),
        None => Ok(()),
    }
}

impl Optimizer for Gepa {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        if self.pending.is_some() {
            return Ask::Wait;
        }
        let (candidate, traced) = match &self.step {
            Step::Over(reason) => return Ask::Done(*reason),
            Step::Reflect { parent, before, todo, .. } => {
                let component = todo.last().and_then(|&c| self.names.get(c)).cloned().unwrap_or_default();
                let id = QueryId(self.queries);
                self.queries += 1;
                self.pending = Some(Pending::Query(id));
                let candidate = self.pool.member(*parent).candidate.clone();
                return Ask::Query(Query::new(id, component, candidate, before.clone()));
            }
            Step::Seed => (self.seed.clone(), false),
            Step::Parent { parent, .. } => (self.pool.member(*parent).candidate.clone(), true),
            Step::Child { child, .. } | Step::Merge { child, .. } | Step::Full { child, .. } => {
                (child.clone(), false)
            }
        };
        let id = TrialId(self.trials);
        self.trials += 1;
        self.pending = Some(Pending::Trial(id));
        let on = Instances::Exactly(self.examples().to_vec());
        let mut trial = Trial::new(id, candidate, Fidelity::FULL, on);
        trial.trace = traced;
        Ask::Run(trial)
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        if self.pending != Some(Pending::Trial(id)) {
            return Err(TellError::UnknownTrial(id));
        }
        if let Outcome::Complete(seen) = &outcome {
            self.check(seen)?;
        }
        self.pending = None;
        match outcome {
            Outcome::Complete(seen) => self.complete(seen),
            Outcome::Failed { message, .. } => self.dropped(message, true),
            Outcome::Abandoned => self.dropped("abandoned by the driver".into(), false),
            _ => self.dropped("stopped before its end".into(), false),
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        if self.pending != Some(Pending::Query(id)) {
            return Err(TellError::UnknownQuery(id));
        }
        self.pending = None;
        match reply {
            Reply::Text(text) => self.written(text),
            Reply::Failed(reason) => self.dropped(reason, false),
            _ => self.dropped("a reply of an unknown kind".into(), false),
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        self.pool.best().map(|(_, member)| (&member.candidate, &member.observation))
    }
}
