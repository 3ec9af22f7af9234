use meta_traits::Stream;
use serde::Serialize;
use topology_neat::{Edit, Module, ModuleKind, Workflow, WorkflowSpace};

use super::instance::{GENERATORS, Instance};
use super::log::Log;

/// Searches without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Random workflows.
    Random,
    /// A mutant replaces its parent when its mean is not lower.
    OnePlusOne,
    /// Aging evolution (Real et al. 2019): population 20, tournaments of 5.
    Aging,
    /// The parent rule of AFlow (Zhang et al. 2024) without its language model: softmax over the best four and the
    /// first, mixed with uniform.
    Aflow,
}

impl Baseline {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Random, Self::OnePlusOne, Self::Aging, Self::Aflow];

    /// The written form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::OnePlusOne => "one_plus_one",
            Self::Aging => "aging",
            Self::Aflow => "aflow",
        }
    }

    /// True scores of the recommendation after each of `budget` evaluations.
    pub fn search(self, instance: &Instance, run: u64, budget: usize) -> Vec<f64> {
        let mut log = Log::new(instance, run, budget);
        let mut rng = Stream::root(run).child(self.name(), instance.noise);
        let space = Instance::space();
        match self {
            Self::Random => {
                while log.has_budget() {
                    log.evaluate(&random(&space, &mut rng));
                }
            }
            Self::OnePlusOne => one_plus_one(&mut log, &space, &mut rng),
            Self::Aging => aging(&mut log, &space, &mut rng),
            Self::Aflow => aflow(&mut log, &space, &mut rng),
        }
        log.curve
    }
}

/// Edits and their shares.
const MIX: [(Edit, f64); 6] = [
    (Edit::Split, 0.25),
    (Edit::Branch, 0.2),
    (Edit::Join, 0.1),
    (Edit::Cut, 0.12),
    (Edit::Relabel, 0.18),
    (Edit::Remove, 0.15),
];

/// The first edit of up to 50 that gives another workflow.
pub(super) fn mutant(of: &Workflow, space: &WorkflowSpace, rng: &mut Stream) -> Workflow {
    for _ in 0..50 {
        let edit = MIX[rng.weighted(&MIX.map(|(_, share)| share)).unwrap_or(0)].0;
        if let Some(new) = edit.apply(of, space, rng) {
            return new;
        }
    }
    of.clone()
}

pub(super) fn single(variant: usize) -> Workflow {
    let module = Module::new(ModuleKind::Generate, variant as u8);
    Workflow::single(module).expect("a generator answers")
}

/// A random single generator after up to 15 mutations.
fn random(space: &WorkflowSpace, rng: &mut Stream) -> Workflow {
    let mut workflow = single(rng.below(GENERATORS));
    for _ in 0..rng.below(16) {
        workflow = mutant(&workflow, space, rng);
    }
    workflow
}

/// One mutation, two with probability 0.3.
fn child(of: &Workflow, space: &WorkflowSpace, rng: &mut Stream) -> Workflow {
    let once = mutant(of, space, rng);
    if rng.chance(0.3) { mutant(&once, space, rng) } else { once }
}

fn one_plus_one(log: &mut Log<'_>, space: &WorkflowSpace, rng: &mut Stream) {
    let mut parent = log.evaluate(&single(0));
    while log.has_budget() {
        let new = child(log.workflow(parent), space, rng);
        let new = log.evaluate(&new);
        if log.mean(new) >= log.mean(parent) {
            parent = new;
        }
    }
}

fn aging(log: &mut Log<'_>, space: &WorkflowSpace, rng: &mut Stream) {
    const POPULATION: usize = 20;
    const TOURNAMENT: usize = 5;
    let mut population: Vec<usize> = Vec::new();
    while log.has_budget() {
        let new = if population.len() < POPULATION {
            child(&single(rng.below(GENERATORS)), space, rng)
        } else {
            let entrants = (0..TOURNAMENT).map(|_| population[rng.below(POPULATION)]);
            let winner = entrants.max_by(|a, b| log.mean(*a).total_cmp(&log.mean(*b))).unwrap_or(0);
            child(log.workflow(winner), space, rng)
        };
        population.push(log.evaluate(&new));
        if population.len() > POPULATION {
            population.remove(0);
        }
    }
}

fn aflow(log: &mut Log<'_>, space: &WorkflowSpace, rng: &mut Stream) {
    const BEST: usize = 4;
    const UNIFORM: f64 = 0.3;
    const SHARPNESS: f64 = 0.2;
    let root = log.evaluate(&single(0));
    while log.has_budget() {
        let mut parents = log.ranking();
        parents.truncate(BEST);
        if !parents.contains(&root) {
            parents.push(root);
        }
        let scores: Vec<f64> = parents.iter().map(|p| SHARPNESS * 100.0 * log.mean(*p)).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
        let total: f64 = weights.iter().sum();
        let share = |w: &f64| UNIFORM / parents.len() as f64 + (1.0 - UNIFORM) * w / total;
        let shares: Vec<f64> = weights.iter().map(share).collect();
        let parent = parents[rng.weighted(&shares).unwrap_or(0)];
        let new = mutant(log.workflow(parent), space, rng);
        log.evaluate(&new);
    }
}
