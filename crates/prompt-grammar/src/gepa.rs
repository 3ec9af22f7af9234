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
mod merge;
mod options;
mod pool;
mod snapshot;
mod step;

use meta_traits::{
    Ask, Components, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, Query, QueryId, Reply,
    Split, StopReason, Stream, TellError, Trial, TrialId,
};

use self::batch::Batches;
use self::decision::Log;
use self::merge::Merger;
use self::pool::Pool;
use self::step::{Pending, Step, Sum};
use crate::PromptError;

pub use self::decision::{Counts, Decision, Stage};
pub use self::options::{Acceptance, ComponentChoice, MergeOptions, Options, ParentChoice};
pub use self::pool::Member;
pub use self::snapshot::GepaState;

/// The GEPA loop as a state machine; see the [module](self) for the method.
///
/// One thing is pending at a time. Scores (higher is better) come from `instances` of what is told and are summed in
/// `f64`. An evaluation that fails or is abandoned ends its iteration without result; if it is the seed's first,
/// failure ends the search ([`StopReason::Failures`]) and abandonment asks for it again.
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
        })
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

    /// Draws the next iteration: a merge where one is due and possible, else a parent and a minibatch.
    fn begin(&mut self) -> Step {
        let stream = self.stream.child("iteration", self.iteration);
        let position = self.iteration;
        self.iteration += 1;
        if let Some(options) = self.options.merge
            && let Some(plan) = self.merger.plan(&self.pool, options, &mut stream.child("merge", 0))
        {
            let on = plan.on.iter().map(|&v| self.val[v]).collect();
            return Step::Merge {
                parents: plan.parents,
                on,
                before: Sum::new(plan.bar),
                child: plan.candidate,
            };
        }
        let parent = self.pool.draw(self.options.parent, &mut stream.child("parent", 0));
        let batch = self.batches.at(position, self.train.len(), &self.stream);
        Step::Parent { parent, batch: batch.iter().map(|&t| self.train[t]).collect() }
    }

    /// The examples of the evaluation under way.
    fn examples(&self) -> &[ExampleId] {
        match &self.step {
            Step::Seed | Step::Full { .. } => &self.val,
            Step::Parent { batch, .. } | Step::Child { batch, .. } => batch,
            Step::Merge { on, .. } => on,
            Step::Reflect { .. } | Step::Over(_) => &[],
        }
    }

    /// Refuses what would harm the pool: other examples than asked for, scores that are no numbers.
    fn check(&self, seen: &Observation) -> Result<(), TellError> {
        let asked = self.examples();
        if seen.instances.len() != asked.len() {
            let (n, m) = (asked.len(), seen.instances.len());
            return Err(TellError::Mismatch(format!("{n} examples were asked for, {m} are reported")));
        }
        for (i, (scored, example)) in seen.instances.iter().zip(asked).enumerate() {
            if scored.example != *example {
                let found = scored.example;
                return Err(TellError::Mismatch(format!("example {i} should be {example}, is {found}")));
            }
            if !scored.score.is_finite() {
                let score = scored.score;
                return Err(TellError::Mismatch(format!(
                    "the score of {example} is {score}; report a failure"
                )));
            }
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }

    /// Goes on after a complete evaluation.
    fn complete(&mut self, seen: Observation) {
        let iteration = self.iteration;
        self.step = match std::mem::replace(&mut self.step, Step::Seed) {
            Step::Seed => {
                let mean = self.join(self.seed.clone(), Vec::new(), seen).1;
                self.log.push(Decision::Seeded { mean });
                self.begin()
            }
            Step::Parent { parent, batch } => {
                let perfect = |limit: f64| seen.instances.iter().all(|s| f64::from(s.score) >= limit);
                if self.options.skip_perfect && self.options.perfect_score.is_some_and(perfect) {
                    self.log.push(Decision::Skipped { iteration, parent });
                    self.begin()
                } else {
                    let todo = match self.options.component {
                        ComponentChoice::RoundRobin => vec![self.pool.turn(parent, self.names.len())],
                        ComponentChoice::All => (0..self.names.len()).rev().collect(),
                    };
                    let child = self.pool.member(parent).candidate.clone();
                    Step::Reflect { parent, batch, before: seen.instances, todo, child }
                }
            }
            Step::Child { parent, before, child, .. } => {
                let after = Sum::of(&seen.instances);
                if self.options.acceptance.admits(before.get(), after.get()) {
                    Step::Full { parents: vec![parent], before, after, child }
                } else {
                    let (before, after) = (before.get(), after.get());
                    self.log.push(Decision::Rejected { iteration, parent, before, after });
                    self.begin()
                }
            }
            Step::Merge { parents, before, child, .. } => {
                let after = Sum::of(&seen.instances);
                if after.get() >= before.get() {
                    Step::Full { parents: parents.to_vec(), before, after, child }
                } else {
                    let (before, after) = (before.get(), after.get());
                    self.log.push(Decision::MergeRejected { iteration, parents, before, after });
                    self.begin()
                }
            }
            Step::Full { parents, before, after, child } => {
                self.admit(&parents, before.get(), after.get(), child, seen);
                self.begin()
            }
            step @ (Step::Reflect { .. } | Step::Over(_)) => step,
        };
    }

    /// A candidate that passed its test becomes a member.
    fn admit(&mut self, parents: &[usize], before: f64, after: f64, child: Components, seen: Observation) {
        let iteration = self.iteration;
        let (member, mean) = self.join(child, parents.to_vec(), seen);
        let best = self.best_index() == Some(member);
        let decision = if let [a, b] = *parents {
            self.merger.merged();
            Decision::Merged { iteration, parents: [a, b], before, after, member, mean, best }
        } else {
            if let Some(options) = self.options.merge {
                self.merger.grew(options);
            }
            let parent = parents.first().copied().unwrap_or_default();
            Decision::Accepted { iteration, parent, before, after, member, mean, best }
        };
        self.log.push(decision);
    }

    /// Adds a member; gives its position and mean.
    fn join(&mut self, candidate: Components, parents: Vec<usize>, mut seen: Observation) -> (usize, f64) {
        for scored in &mut seen.instances {
            scored.notes = Vec::new();
        }
        let next = parents.iter().map(|&p| self.pool.member(p).next).max().unwrap_or(0);
        let iteration = self.iteration;
        let index = self.pool.add(Member { candidate, parents, observation: seen, iteration, next });
        (index, self.pool.mean(index))
    }

    /// Goes on after something that came to nothing.
    fn dropped(&mut self, reason: String, failed: bool) {
        let Some(stage) = self.step.stage() else { return };
        self.log.push(Decision::Dropped { iteration: self.iteration, stage, reason });
        self.step = match stage {
            Stage::Seed if failed => Step::Over(StopReason::Failures),
            Stage::Seed => Step::Seed,
            _ => self.begin(),
        };
    }
}

fn check_examples(list: &'static str, ids: &[ExampleId]) -> Result<(), PromptError> {
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

impl Gepa {
    /// Takes up a new text.
    fn written(&mut self, text: String) {
        let Step::Reflect { parent, batch, before, mut todo, mut child } =
            std::mem::replace(&mut self.step, Step::Seed)
        else {
            return;
        };
        if let Some(name) = todo.pop().and_then(|c| self.names.get(c)) {
            child.set(name, text);
        }
        self.step = if todo.is_empty() {
            Step::Child { parent, batch, before: Sum::of(&before), child }
        } else {
            Step::Reflect { parent, batch, before, todo, child }
        };
    }
}
