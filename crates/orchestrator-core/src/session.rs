//! A run from its first event to its result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coordination::Component;
use coordination::budget::Allocation;
use evaluation::RowsDigest;
use meta_traits::{
    Budget, Components, Cost, Draw, Evaluator, ExampleId, Fidelity, Instances, Stream, Trial, TrialId, Unit,
};
use prompt_grammar::gepa;

use crate::algorithms::{Joint, Racing, ReflectiveMutation, joint, racing};
use crate::compose;
use crate::config::Algorithm;
use crate::error::Error;
use crate::experience::{Experience, ExperienceStore, PastRun};
use crate::monitoring::{Metrics, Monitoring, resident, write_mlflow};
use crate::result::{HeldOut, LabelTask, RunResult};
use crate::run::{Driver, Ending, Observer, Options, Progress, Proposer, Search, open};
use crate::store::RunDirectory;
use crate::system::SystemEvaluator;

/// Everything that decides a run, ready to go.
pub struct Session {
    /// Names the run.
    pub name: String,
    /// Seed of all random draws.
    pub seed: u64,
    /// Limits of the search.
    pub budget: Budget,
    /// Digest of what is run; resuming with another one is refused.
    pub fingerprint: String,
    /// The texts the search starts from.
    pub start: Components,
    /// Length and hash of every split, for the record; empty where an evaluator program keeps the examples.
    pub data: BTreeMap<String, RowsDigest>,
    /// What scores on the test split are compared with, where the answers are labels.
    pub labels: Option<LabelTask>,
    /// Examples that proposers may see.
    pub train: Vec<ExampleId>,
    /// Examples that decide what is kept.
    pub val: Vec<ExampleId>,
    /// Examples for the final scoring; empty for none.
    pub test: Vec<ExampleId>,
    /// Evaluates candidates.
    pub evaluator: Box<dyn Evaluator<Components>>,
    /// Writes new texts.
    pub proposer: Box<dyn Proposer>,
    /// Which algorithm searches.
    pub algorithm: Algorithm,
    /// Its settings.
    pub gepa: gepa::Options,
    /// Failed metric calls in a row that end the run.
    pub failure_limit: u64,
    /// What a metric call of the seed takes, as far as can be told without making one.
    pub forecast: Option<crate::system::Estimate>,
    /// The compound system, where one is optimised: plans look into it.
    pub system: Option<Arc<SystemEvaluator>>,
    /// Settings of the joint search.
    pub joint: joint::Options,
    /// How the joint search divides its budget among the pillars; not at all where there is none.
    pub shares: Option<Allocation>,
    /// Settings with ranges, which the joint search sets by Bayesian optimisation.
    pub numbers: Option<compose::Numbers>,
    /// What the joint search may make flows of.
    pub structures: Option<compose::Structures>,
    /// What is told and kept beside the record.
    pub monitoring: Monitoring,
    /// What earlier runs learned.
    pub earlier: Vec<Experience>,
    /// Where what this run learns is kept, if anywhere.
    pub experience: Option<ExperienceStore>,
    /// What the models do in this process.
    pub spending: crate::compose::Spending,
    /// Whether a metric call may cost money: hosted models, and programs that nobody can look into.
    pub may_cost_money: bool,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// The search is over.
    Done(Box<RunResult>),
    /// Paused on request; the run directory can be resumed.
    Paused,
}

impl Session {
    /// Whether the budget allows a round.
    ///
    /// # Errors
    /// [`crate::run::RunError::BudgetTooSmall`] with the least budget that does.
    pub fn check_budget(&self) -> Result<(), Error> {
        Ok(match self.algorithm {
            Algorithm::ReflectiveMutation => {
                ReflectiveMutation::affordable(&self.budget, self.val.len(), self.gepa.minibatch)
            }
            Algorithm::Racing => Racing::affordable(&self.budget, &racing::Options::default()),
            _ => Joint::affordable(&self.budget, &self.joint),
        }?)
    }

    /// Compares scores of two systems on the test examples, in their order.
    ///
    /// # Errors
    /// As [`HeldOut::compare`].
    pub fn compare(&self, seed: &[f32], best: &[f32]) -> Result<HeldOut, Error> {
        let held_out = HeldOut::compare(seed, best, &Stream::root(self.seed).child("report", 0))?;
        Ok(match &self.labels {
            Some(task) => held_out.with_labels(seed, best, task)?,
            None => held_out,
        })
    }

    /// Runs, or resumes, the run in `directory`, and scores seed and winner on the test split.
    ///
    /// # Errors
    /// [`Error`]; the directory stays resumable.
    pub async fn run(
        &self,
        directory: &mut RunDirectory,
        observer: &mut dyn Observer,
        interrupted: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Finish, Error> {
        let finish = self.drive(directory, observer, interrupted).await;
        directory.note_calls(&self.spending)?;
        directory.note_time()?;
        let mut finish = finish?;
        if let Finish::Done(result) = &mut finish {
            result.optimization_time = directory.elapsed();
            directory.write_json("result.json", &**result)?;
            self.export(directory, result)?;
        }
        Ok(finish)
    }

    /// Metrics of a finished run, where they are asked for.
    fn export(&self, directory: &RunDirectory, result: &RunResult) -> Result<(), Error> {
        if self.monitoring.export.is_none() {
            return Ok(());
        }
        let mut metrics = Metrics::new(&self.name);
        let (state, _) = RunDirectory::state_of(directory.path(), self.budget)?;
        metrics.read(&state);
        metrics.finish(result);
        directory.write_metrics(&metrics.text())?;
        write_mlflow(directory.path(), &self.name, &self.fingerprint, &metrics, result)?;
        Ok(())
    }

    fn search(&self) -> Result<Box<dyn Search>, Error> {
        let (start, train, val) = (self.start.clone(), self.train.clone(), self.val.clone());
        let stream = Stream::root(self.seed).child("search", 0);
        Ok(match self.algorithm {
            Algorithm::ReflectiveMutation => {
                Box::new(ReflectiveMutation::new(start, train, val, self.gepa.clone(), stream)?)
            }
            Algorithm::Racing => {
                Box::new(Racing::new(&start, train, val, racing::Options::default(), stream)?)
            }
            _ => {
                let selector = compose::selector(&self.joint, stream.child("selector", 0));
                let mut search = Joint::new(&start, train, val, self.joint.clone(), stream.clone())?
                    .with_selector(selector)
                    .with_experience(&self.earlier);
                if let Some(numbers) = &self.numbers {
                    let numbers = compose::number_search(numbers, &stream.child("numbers", 0))?;
                    search = search.with_inner(Component::Hyperopt, numbers);
                }
                if let Some(structures) = &self.structures {
                    let structures = compose::structure_search(structures, stream.child("structures", 0))?;
                    search = search.with_inner(Component::Topology, structures);
                }
                match &self.shares {
                    Some(shares) => Box::new(search.with_shares(shares.clone())),
                    None => Box::new(search),
                }
            }
        })
    }

    async fn drive(
        &self,
        directory: &mut RunDirectory,
        observer: &mut dyn Observer,
        interrupted: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Finish, Error> {
        let path = directory.path().to_owned();
        let (opened, earlier) = directory.clock();
        let (monitoring, full) = (self.monitoring, AtomicU64::new(0));
        let interrupted = || {
            let resident = if monitoring.memory.is_some() { resident() } else { 0 };
            if monitoring.is_full(resident) {
                full.store(resident, Ordering::Relaxed);
            }
            monitoring.is_full(resident) || interrupted()
        };
        let options = Options {
            fingerprint: self.fingerprint.clone(),
            data: self.data.clone(),
            val: self.val.clone(),
            failure_limit: self.failure_limit,
            for_report: self.for_report(),
            elapsed: Box::new(move || earlier + opened.elapsed()),
            interrupted: Box::new(|| interrupted() || RunDirectory::stop_requested(&path)),
            ..Options::new(self.seed, self.budget)
        };
        let (metrics, due) = (Metrics::new(&self.name), Instant::now());
        let mut keeper = Keeper { directory, inner: observer, monitoring, metrics, due, failed: None };
        let storage = keeper.directory.events()?;
        let checkpoints = monitoring.checkpoint.map(|every| keeper.directory.checkpoints(every));
        let search = self.search()?;
        let ended = {
            let mut driver =
                open(Box::new(storage), search, &*self.evaluator, &*self.proposer, &mut keeper, options)?;
            if let Some(checkpoints) = checkpoints {
                driver = driver.with_checkpoints(checkpoints)?;
            }
            let ended = self.search_and_report(&mut driver).await;
            ended.map(|finish| (finish, driver.state().clone(), driver.experience()))
        };
        if let Some(error) = keeper.failed {
            return Err(error);
        }
        let (mut finish, state, learned) = ended?;
        let used = full.into_inner();
        if let (Finish::Paused, Some(limit), true) = (&finish, monitoring.memory, used > 0) {
            directory.write_state(&state)?;
            let path = directory.path().to_owned();
            return Err(Error::Memory { path, limit_mb: limit >> 20, used_mb: used.div_ceil(1 << 20) });
        }
        if let Finish::Done(result) = &mut finish {
            monitoring.trim(result);
        }
        directory.write_state(&state)?;
        if let (Finish::Done(result), Some(store), Some(experience)) = (&finish, &self.experience, learned) {
            let (version, score) = (PastRun::VERSION, result.best_score);
            let (name, run) = (self.name.clone(), self.fingerprint.clone());
            store.add(&PastRun { version, name, run, score, experience })?;
        }
        Ok(finish)
    }

    /// Twice the most that scoring the seed on the test split can use, without metric calls: for the seed and for a
    /// winner whose prompts are no longer. Zero where only metric calls and time are limited: the caps of hundreds of
    /// prompts are not worked out for nothing.
    pub(crate) fn for_report(&self) -> Cost {
        let limited =
            [Unit::ModelCalls, Unit::Tokens, Unit::NanoUsd].iter().any(|u| self.budget.limit(*u).is_some());
        if !limited || self.test.len() < 2 {
            return Cost::ZERO;
        }
        let draws = self.test.iter().map(|e| Draw { example: *e, repeat: 0 }).collect();
        let on = Instances::Draws(draws);
        let cap = self.evaluator.cap(&Trial::new(TrialId(0), self.start.clone(), Fidelity::FULL, on));
        cap.less(Cost::evaluations(cap.evaluations)).times(2)
    }

    async fn search_and_report(&self, driver: &mut Driver<'_>) -> Result<Finish, Error> {
        let Ending::Stopped(stop) = driver.search().await? else { return Ok(Finish::Paused) };
        let Some(mut result) =
            RunResult::of(driver.state(), self.algorithm.name(), stop, &driver.credits(), driver.history())
        else {
            return Err(Error::NothingScored);
        };
        // One example has no spread, so nothing could be said about it.
        if self.test.len() > 1 {
            let best = result.best_system.clone();
            let seed = driver.report(0, &self.start, self.test.clone()).await?;
            let best = if best == self.start {
                seed.clone()
            } else {
                driver.report(1, &best, self.test.clone()).await?
            };
            if driver.is_paused() {
                return Ok(Finish::Paused);
            }
            if let (Some(seed), Some(best)) = (seed, best) {
                result.held_out = Some(self.compare(&seed, &best)?);
            }
        }
        let mut changes = crate::result::changes(driver.state(), &self.joint.pillars);
        let mut of = |pillar| changes.remove(&pillar).unwrap_or_default();
        result.topology_changes = of(Component::Topology);
        result.hyperopt_gains = of(Component::Hyperopt);
        result.prompt_changes = of(Component::Prompt);
        result.data.clone_from(&self.data);
        result.spent = driver.state().spends().iter().map(|s| s.cost).sum();
        result.uncertain = driver.uncertain();
        Ok(Finish::Done(Box::new(result)))
    }
}

/// Notes uncertain spending and metrics in the run directory on the way to the observer, who hears what the settings
/// allow.
struct Keeper<'k> {
    directory: &'k RunDirectory,
    inner: &'k mut dyn Observer,
    monitoring: Monitoring,
    metrics: Metrics,
    /// When the next export is due.
    due: Instant,
    failed: Option<Error>,
}

impl Keeper<'_> {
    fn export(&mut self) -> Result<(), Error> {
        let Some(interval) = self.monitoring.export.filter(|_| Instant::now() >= self.due) else {
            return Ok(());
        };
        self.due = Instant::now() + interval;
        Ok(self.directory.write_metrics(&self.metrics.text())?)
    }
}

impl Observer for Keeper<'_> {
    fn observe(&mut self, progress: &Progress) {
        if let Progress::Uncertain { what, cap } = progress
            && let Err(error) = self.directory.note_uncertain(what, *cap)
        {
            self.failed = Some(error.into());
        }
        self.metrics.observe(progress);
        if let Err(error) = self.export() {
            self.failed = Some(error);
        }
        if self.monitoring.decisions || !matches!(progress, Progress::Decision { .. }) {
            self.inner.observe(progress);
        }
    }
}
