use std::collections::BTreeMap;

use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Space as _, Stream};
use serde::{Deserialize, Serialize};
use topology_neat::{Edit, SearchOptions, Workflow, WorkflowSearch};

use super::data::{Data, Problem};
use super::network::{Errors, space, train};

/// Trainings whose mean test error an architecture is judged by.
const JUDGED_BY: u64 = 3;
/// Seeds of these lie beyond those of evaluations.
const JUDGES: u64 = 1 << 32;

/// Searches that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Random architectures.
    Random,
    /// Aging evolution (Real et al. 2019): population 20, tournaments of 5, one edit.
    Aging,
    /// [`WorkflowSearch`] with its predictor.
    Predictor,
}

impl Method {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Random, Self::Aging, Self::Predictor];
}

/// One search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The problem.
    pub problem: Problem,
    /// Seed of the search.
    pub seed: u64,
    /// The search.
    pub method: Method,
    /// Test error of the architecture chosen after each evaluation: mean of three trainings of their own.
    pub curve: Vec<f64>,
}

/// Searches with `budget` evaluations.
///
/// The choice is that with the lowest mean validation error, or what the search with a predictor recommends.
///
/// # Errors
/// What the tensor library says.
pub fn run(problem: Problem, method: Method, seed: u64, budget: usize) -> anyhow::Result<Run> {
    let mut log = Log::new(problem, seed);
    let mut rng = Stream::root(seed).child("nas", method as u64);
    match method {
        Method::Random => {
            while log.curve.len() < budget {
                log.evaluate(&space().sample(&mut rng))?;
                log.judge(None)?;
            }
        }
        Method::Aging => aging(&mut log, &mut rng, budget)?,
        Method::Predictor => {
            let options = SearchOptions { predictor: true, ..SearchOptions::default() };
            let mut search = WorkflowSearch::new(space(), options, rng)?;
            while let (Ask::Run(trial), true) = (search.ask(), log.curve.len() < budget) {
                let error = log.evaluate(&trial.candidate)?;
                search.tell(trial.id, Outcome::Complete(Observation::of_loss(error)))?;
                log.judge(search.best().map(|(best, _)| best))?;
            }
        }
    }
    Ok(Run { problem, seed, method, curve: log.curve })
}

fn aging(log: &mut Log, rng: &mut Stream, budget: usize) -> anyhow::Result<()> {
    const POPULATION: usize = 20;
    const TOURNAMENT: usize = 5;
    let space = space();
    let mut population: Vec<(Workflow, f64)> = Vec::new();
    while log.curve.len() < budget {
        let new = if population.len() < POPULATION {
            space.sample(rng)
        } else {
            let entrants = (0..TOURNAMENT).map(|_| &population[rng.below(POPULATION)]);
            let winner = entrants.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(w, _)| w.clone());
            let winner = winner.unwrap_or_else(|| space.sample(rng));
            let edits = (0..50).map(|_| Edit::ALL[rng.below(Edit::ALL.len())]).collect::<Vec<_>>();
            edits.iter().find_map(|edit| edit.apply(&winner, &space, rng)).unwrap_or(winner)
        };
        let error = log.evaluate(&new)?;
        log.judge(None)?;
        population.push((new, error));
        if population.len() > POPULATION {
            population.remove(0);
        }
    }
    Ok(())
}

struct Log {
    problem: Problem,
    data: Data,
    seed: u64,
    evaluations: u64,
    /// Sum and number of validation errors.
    seen: BTreeMap<Workflow, (f64, f64)>,
    judged: BTreeMap<Workflow, f64>,
    curve: Vec<f64>,
}

impl Log {
    fn new(problem: Problem, seed: u64) -> Self {
        let data = Data::new(problem);
        Self {
            problem,
            data,
            seed,
            evaluations: 0,
            seen: BTreeMap::new(),
            judged: BTreeMap::new(),
            curve: Vec::new(),
        }
    }

    fn train(&self, architecture: &Workflow, seed: u64) -> anyhow::Result<Errors> {
        Ok(train(architecture, &self.data, self.problem.steps(), seed)?)
    }

    /// The validation error after one training.
    fn evaluate(&mut self, architecture: &Workflow) -> anyhow::Result<f64> {
        let error = self.train(architecture, (self.seed << 16) | self.evaluations)?.validation;
        self.evaluations += 1;
        let seen = self.seen.entry(architecture.clone()).or_default();
        *seen = (seen.0 + error, seen.1 + 1.0);
        Ok(error)
    }

    /// Notes the test error of what is chosen.
    fn judge(&mut self, chosen: Option<&Workflow>) -> anyhow::Result<()> {
        let lowest = || {
            let means = self.seen.iter().map(|(w, (sum, n))| (w, sum / n));
            means.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(w, _)| w)
        };
        let Some(chosen) = chosen.or_else(lowest).cloned() else { return Ok(()) };
        let error = if let Some(error) = self.judged.get(&chosen) {
            *error
        } else {
            let mut sum = 0.0;
            for judge in JUDGES..JUDGES + JUDGED_BY {
                sum += self.train(&chosen, judge)?.test;
            }
            sum / JUDGED_BY as f64
        };
        self.judged.insert(chosen, error);
        self.curve.push(error);
        Ok(())
    }
}
