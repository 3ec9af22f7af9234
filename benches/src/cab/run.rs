use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use coordination::Component;
use coordination::journal::FileStorage;
use meta_traits::{
    Batching, BoxFuture, Budget, Components, Cost, Evaluator, Outcome, Query, Split, Stream, Trial,
};
use orchestrator_core::algorithms::joint::{self, Operator};
use orchestrator_core::algorithms::{Joint, Racing, ReflectiveMutation, racing};
use orchestrator_core::compose;
use orchestrator_core::experience::Experience;
use orchestrator_core::run::{Options, Progress, Proposal, Proposer, Search, open};
use orchestrator_core::simulated::{Family, Genome, Pillar, Problem, Scenario};
use serde::Serialize;

use super::curve::{AT, Curve, Step};

/// The optimizers that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Searcher {
    /// GEPA with its published defaults and nothing else.
    StaticGepa,
    /// The same reflection, with the evaluation scheduler for its gate and its validation.
    Racing,
    /// Search over texts and the lines they share, by one posterior; a selector chooses among its operators.
    Metaorch,
    /// The same, its operators drawn by fixed weights.
    #[value(name = "ablation:no-selector")]
    NoSelector,
    /// The posterior of whole texts alone: nothing is shared between them.
    #[value(name = "ablation:no-model")]
    NoModel,
    /// The same, every system measured on as many examples as there are for validation.
    #[value(name = "ablation:no-race")]
    NoRace,
    /// The same, prompts left as they are.
    #[value(name = "ablation:no-prompt")]
    NoPrompt,
    /// The same, hyperparameters left as they are.
    #[value(name = "ablation:no-hyperopt")]
    NoHyperOpt,
    /// The same, topology left as it is.
    #[value(name = "ablation:no-topology")]
    NoTopology,
    /// The same, prompts alone.
    #[value(name = "ablation:only-prompt")]
    OnlyPrompt,
    /// The same, hyperparameters alone.
    #[value(name = "ablation:only-hyperopt")]
    OnlyHyperOpt,
    /// The same, topology alone.
    #[value(name = "ablation:only-topology")]
    OnlyTopology,
    /// The same, for a third of the budget each: prompts, then hyperparameters, then topology. What was learned is kept.
    #[value(name = "ablation:sequential")]
    Sequential,
}

/// Which operators may propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operators {
    /// Reflection, and recombination of lines that some text has.
    Reflect,
    /// All eight.
    All,
}

/// Weights of all operators: the usual ones take most turns.
const ALL: [(Operator, f64); 8] = [
    (Operator::ReflectiveMutation, 0.1),
    (Operator::ParetoSampling, 0.4),
    (Operator::SystemAwareMerge, 0.2),
    (Operator::StructuralMutation, 0.05),
    (Operator::Crossover, 0.05),
    (Operator::RandomSearch, 0.1),
    (Operator::Numbers, 0.05),
    (Operator::Words, 0.05),
];

impl Searcher {
    fn build(
        self,
        problem: &Problem,
        seed: u64,
        budget: u64,
        operators: Operators,
        earlier: &[Experience],
    ) -> anyhow::Result<Box<dyn Search>> {
        let (train, val) = (problem.examples(Split::Train), problem.examples(Split::Val));
        let stream = Stream::root(seed).child("search", 0);
        Ok(match self {
            Self::StaticGepa => {
                let options = prompt_grammar::gepa::Options::default();
                Box::new(ReflectiveMutation::new(problem.seed(), train, val, options, stream)?)
            }
            Self::Racing | Self::NoModel => {
                let options = racing::Options::default();
                Box::new(Racing::new(&problem.seed(), train, val, options, stream)?)
            }
            _ => {
                let turns = self.turns(budget);
                let names =
                    |pillars: &[Pillar]| pillars.iter().flat_map(|p| problem.components_of(*p)).collect();
                let turns = turns.into_iter().map(|(from, pillars)| (from, names(&pillars))).collect();
                let owned = |(pillar, owner)| {
                    problem
                        .components_of(pillar)
                        .into_iter()
                        .map(move |name| (name, owner))
                        .collect::<Vec<_>>()
                };
                let others =
                    [(Pillar::HyperOpt, Component::Hyperopt), (Pillar::Topology, Component::Topology)];
                let mut options = joint::Options {
                    turns,
                    pillars: others.into_iter().flat_map(owned).collect(),
                    ..joint::Options::default()
                };
                if operators == Operators::All {
                    options.operators = ALL.into();
                }
                if self == Self::NoRace {
                    options.blocks = vec![(0, val.len())];
                    options.first = 1;
                }
                let selector = compose::selector(&options, stream.child("selector", 0));
                let search =
                    Joint::new(&problem.seed(), train, val, options, stream)?.with_experience(earlier);
                if self == Self::NoSelector {
                    Box::new(search)
                } else {
                    Box::new(search.with_selector(selector))
                }
            }
        })
    }

    /// Which pillars may change a candidate, from so many metric calls on; all when it is empty.
    fn turns(self, budget: u64) -> Vec<(u64, Vec<Pillar>)> {
        let but = |pillar: Pillar| Pillar::ALL.into_iter().filter(|p| *p != pillar).collect();
        match self {
            Self::StaticGepa
            | Self::Racing
            | Self::Metaorch
            | Self::NoSelector
            | Self::NoModel
            | Self::NoRace => Vec::new(),
            Self::NoPrompt => vec![(0, but(Pillar::Prompt))],
            Self::NoHyperOpt => vec![(0, but(Pillar::HyperOpt))],
            Self::NoTopology => vec![(0, but(Pillar::Topology))],
            Self::OnlyPrompt => vec![(0, vec![Pillar::Prompt])],
            Self::OnlyHyperOpt => vec![(0, vec![Pillar::HyperOpt])],
            Self::OnlyTopology => vec![(0, vec![Pillar::Topology])],
            Self::Sequential => {
                let turn = |(i, pillar): (usize, Pillar)| (i as u64 * budget / 3, vec![pillar]);
                Pillar::ALL.into_iter().enumerate().map(turn).collect()
            }
        }
    }

    /// The name used on command lines.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What is run on every instance and seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Which optimizer.
    pub searcher: Searcher,
    /// Which operators propose.
    pub operators: Operators,
    /// What candidates consist of.
    pub scenario: Scenario,
    /// The shape of the hidden problem.
    pub family: Family,
    /// Metric calls.
    pub budget: u64,
    /// The probability that a repetition is a fresh draw; 0 leaves the family's own.
    pub rho: f64,
    /// The seed of other names, if any.
    pub relabel: Option<u64>,
}

impl Settings {
    /// The problem of an instance.
    pub fn problem(&self, instance: u64) -> Problem {
        let mut problem = Problem::new(instance, self.scenario, self.family);
        if self.rho > 0.0 {
            problem = problem.with_rho(self.rho);
        }
        match self.relabel {
            Some(seed) => problem.relabelled(seed),
            None => problem,
        }
    }
}

/// One run: an optimizer on an instance with a seed.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The gain of what was recommended.
    pub curve: Curve,
    /// What the search used.
    pub spent: Cost,
    /// Texts the optimizer asked for.
    pub queries: u64,
    /// Time outside of the problem until the search stopped: optimizer, run loop and writing the event log.
    pub overhead: Duration,
    /// Time to end the run after that: one synchronisation of the log with the disk, whatever the number of calls.
    pub ending: Duration,
    /// The same when a number of calls of [`AT`] was reached: calls, time.
    pub overhead_at: Vec<(u64, Duration)>,
    /// What the search learned.
    pub experience: Option<Experience>,
}

/// Runs an optimizer under the product's run loop, with the event log in a file of `logs`; it begins with what `earlier`
/// runs learned, if it takes that.
///
/// `best` is the Q that counts as gain 1.
///
/// # Errors
/// When the run fails, or recommends what is no candidate of the problem.
pub fn run(
    settings: &Settings,
    instance: u64,
    seed: u64,
    best: f64,
    earlier: &[Experience],
    logs: &std::path::Path,
) -> anyhow::Result<Finished> {
    let problem = settings.problem(instance);
    let search = settings.searcher.build(&problem, seed, settings.budget, settings.operators, earlier)?;
    let log = logs.join(format!("{instance}-{seed}.jsonl"));
    let storage = FileStorage::open(&log).with_context(|| format!("cannot open {}", log.display()))?;
    let timed = Timed { problem: &problem, inside: AtomicU64::new(0) };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut overhead_at: Vec<(u64, Duration)> = Vec::new();
    let start = Instant::now();
    let mut stopped = None;
    let mut watch = |progress: &Progress| match progress {
        Progress::Trial { evaluations, .. }
            if AT.get(overhead_at.len()).is_some_and(|mark| evaluations >= mark) =>
        {
            overhead_at.push((*evaluations, timed.outside(start)));
        }
        Progress::Stopped { .. } => stopped = Some(timed.outside(start)),
        _ => {}
    };
    let mut options = Options::new(seed, Budget::calls(settings.budget));
    options.val = problem.examples(Split::Val);
    let mut driver = open(Box::new(storage), search, &timed, &timed, &mut watch, options)?;
    runtime.block_on(driver.search())?;
    let end = timed.outside(start);

    let state = driver.state();
    let blank = problem.quality(&Genome::seed());
    let mut steps = Vec::new();
    for point in state.trajectory() {
        let candidate = state.candidate(point.candidate).context("the log names an unknown candidate")?;
        let gain = (problem.quality(&problem.read(candidate)?) - blank) / (best - blank);
        steps.push(Step { calls: point.evaluations, gain, validation: point.score });
    }
    let (spent, queries, experience) = (state.spent(), state.rounds(), driver.experience());
    drop(driver);
    let overhead = stopped.unwrap_or(end);
    let curve = Curve::new(steps, settings.budget);
    let ending = end.saturating_sub(overhead);
    Ok(Finished { curve, spent, queries, overhead, ending, overhead_at, experience })
}

/// The problem, with the time spent in it.
struct Timed<'a> {
    problem: &'a Problem,
    /// Nanoseconds.
    inside: AtomicU64,
}

impl Timed<'_> {
    fn outside(&self, start: Instant) -> Duration {
        start.elapsed().saturating_sub(Duration::from_nanos(self.inside.load(Ordering::Relaxed)))
    }

    fn add(&self, since: Instant) {
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.inside.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Evaluator<Components> for Timed<'_> {
    fn evaluate<'a>(&'a self, trial: &'a Trial<Components>, rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let start = Instant::now();
            let outcome = self.problem.evaluate(trial, rng).await;
            self.add(start);
            outcome
        })
    }
    fn batching(&self) -> Batching {
        self.problem.batching()
    }
    fn cap(&self, trial: &Trial<Components>) -> Cost {
        Evaluator::cap(self.problem, trial)
    }
}

impl Proposer for Timed<'_> {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            let start = Instant::now();
            let proposal = self.problem.propose(query, rng).await;
            self.add(start);
            proposal
        })
    }
    fn cap(&self, query: &Query) -> Cost {
        Proposer::cap(self.problem, query)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary, or must agree bit for bit")]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            searcher: Searcher::StaticGepa,
            operators: Operators::Reflect,
            scenario: Scenario::Prompts,
            family: Family::Base,
            budget: 700,
            rho: 0.0,
            relabel: None,
        }
    }

    #[test]
    fn a_run_keeps_its_budget_and_repeats_itself() {
        let logs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [a, b] = logs.each_ref().map(|d| run(&settings(), 1, 3, 0.83, &[], d.path()).unwrap());
        assert_eq!(a.curve, b.curve);
        assert!(a.spent.evaluations <= 700 && a.spent.evaluations > 500, "{:?}", a.spent);
        assert!(a.queries > 20);
        let marks: Vec<u64> = a.overhead_at.iter().map(|(calls, _)| *calls).collect();
        assert_eq!(marks.len(), 1, "{marks:?}");
        assert_eq!(a.curve.steps()[0].calls, 100);
        assert_eq!(a.curve.steps()[0].gain, 0.0);
        let [a, b] = logs.each_ref().map(|d| std::fs::read(d.path().join("1-3.jsonl")).unwrap());
        assert!(a == b && a.len() > 1000);
    }

    /// The guard against fitting the benchmark: this optimizer reads no meaning into names.
    #[test]
    fn other_names_change_nothing() {
        for scenario in [Scenario::Prompts, Scenario::Full] {
            let plain = Settings { scenario, ..settings() };
            let other = Settings { relabel: Some(5), ..plain };
            let logs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
            let a = run(&plain, 2, 0, 0.83, &[], logs[0].path()).unwrap();
            let b = run(&other, 2, 0, 0.83, &[], logs[1].path()).unwrap();
            assert_eq!(a.curve, b.curve);
            assert!(a.curve.steps().len() > 1);
        }
    }

    #[test]
    fn rho_0_leaves_the_family_its_noise() {
        let noisy = Settings { family: Family::Noisy, ..settings() };
        assert_eq!(noisy.problem(1).rho(), 0.6);
        assert_eq!(Settings { rho: 0.3, ..noisy }.problem(1).rho(), 0.3);
        assert_eq!(settings().problem(1).rho(), 0.0);
    }
}
