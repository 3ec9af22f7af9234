//! How the search is steered: which operators propose, what they know, who may spend how much.

use std::collections::BTreeMap;

use coordination::Component;
use coordination::budget::Allocation;
use meta_traits::{Budget, Stream, Unit};
use rl_selector::bandit::{Bandit, DiscountedThompson};

use crate::algorithms::joint::{Operator, OperatorSelector, Options};
use crate::config::{Algorithm, ConfigError, RunConfig};
use crate::system::{SETTINGS, Setting};

/// Compute units without progress after which the search ends, where the orchestrator is enabled.
const PATIENCE: u64 = 20;
/// How many trials the operators' weights count as in the selector's eyes.
const BELIEF: f64 = 10.0;
/// How often a pillar with a search of its own proposes, beside the usual operators' 1.
const INNER: f64 = 0.15;
/// What remains of its beliefs at each reward.
const MEMORY: f64 = 0.98;

/// What the joint search is told beside texts and examples.
#[derive(Debug)]
pub(super) struct Steering {
    pub(super) options: Options,
    /// The parts of the pillars; none where the budget is not divided.
    pub(super) shares: Option<Allocation>,
    /// The budget: the smallest of what the configuration sets.
    pub(super) budget: Budget,
    /// Whether the budget suffices for making structures.
    pub(super) evolves: bool,
}

/// What `config` asks for, with `pillars` owning components, `inner` saying which operators have a search of their own, and
/// `val` validation examples: a compute unit is so many metric calls.
///
/// # Errors
/// [`ConfigError`] when there is no limit, or the algorithm has nothing to work with.
pub(super) fn steering(
    config: &RunConfig,
    pillars: BTreeMap<String, Component>,
    vocabulary: BTreeMap<String, Vec<String>>,
    inner: &[(Operator, bool)],
    val: usize,
) -> Result<Steering, ConfigError> {
    let meta = config.meta.as_ref().filter(|meta| meta.enabled);
    let calls = |units: f64| (units * val as f64).floor() as u64;
    let own = meta.map_or(Budget::UNLIMITED, |meta| Budget::calls(calls(meta.total_compute_budget)));
    let budget = config.limits()?.and(own);
    let mut options =
        Options { pillars, vocabulary, longest: config.optimizer.max_prompt_length, ..Options::default() };
    let least = config.meta.as_ref().map_or(0, |meta| calls(meta.topology_config.min_topology_budget as f64));
    let evolves = budget.limit(Unit::Evaluations).is_none_or(|limit| limit >= least);
    for (operator, _) in inner.iter().filter(|(_, has)| *has) {
        if *operator != Operator::StructuralMutation || evolves {
            options.operators.insert(*operator, INNER);
        }
    }
    let algorithm = config.algorithm();
    if let Some(operator) = alone(algorithm) {
        if operator == Operator::StructuralMutation
            && !options.pillars.values().any(|p| *p == Component::Topology)
        {
            let message =
                "structural_mutation has no structure to change. Give system.flows, or another algorithm";
            return Err(ConfigError::inconsistent(message));
        }
        options.operators = [(operator, 1.0)].into();
    }
    let Some(meta) = meta.filter(|_| algorithm == Algorithm::Joint) else {
        return Ok(Steering { options, shares: None, budget, evolves });
    };
    options.most_results = Some(calls(meta.max_optimization_rounds as f64));
    options.patience = Some(PATIENCE * val as u64);
    options.progress = meta.performance_threshold;
    options.longest = options.longest.min(meta.prompt_config.max_prompt_length);
    let limit = budget.limit(Unit::Evaluations);
    let shares = Allocation::new(limit, meta.optimization_mode.shares(), meta.budget_allocation_strategy);
    Ok(Steering { options, shares: Some(shares), budget, evolves })
}

/// The one operator of an algorithm that is named by itself.
fn alone(algorithm: Algorithm) -> Option<Operator> {
    match algorithm {
        Algorithm::ParetoSampling => Some(Operator::ParetoSampling),
        Algorithm::SystemAwareMerge => Some(Operator::SystemAwareMerge),
        Algorithm::StructuralMutation => Some(Operator::StructuralMutation),
        Algorithm::Crossover => Some(Operator::Crossover),
        Algorithm::RandomSearch => Some(Operator::RandomSearch),
        Algorithm::ReflectiveMutation | Algorithm::Racing | Algorithm::Joint => None,
    }
}

/// What pillars own of a system with these settings, and the lines they may write.
pub(super) fn of_settings(
    settings: &[Setting],
) -> (BTreeMap<String, Component>, BTreeMap<String, Vec<String>>) {
    let mut pillars = BTreeMap::new();
    let mut vocabulary: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for setting in settings {
        let structural = setting.is_flow();
        let owner = if structural { Component::Topology } else { Component::Hyperopt };
        pillars.insert(format!("{SETTINGS}/{}", setting.key), owner);
        let lines = setting.options.iter().map(|option| format!("{}: {option}", setting.key));
        vocabulary.entry(SETTINGS.to_owned()).or_default().extend(lines);
    }
    (pillars, vocabulary)
}

/// The selector among operators: a bandit that starts from `options`' weights.
pub fn selector(options: &Options, rng: Stream) -> Box<dyn OperatorSelector> {
    let total: f64 = options.operators.values().sum();
    let belief = |operator: Operator| {
        let weight = options.operators.get(&operator).copied().unwrap_or(0.0) / total.max(f64::MIN_POSITIVE);
        (BELIEF * weight, BELIEF * (1.0 - weight))
    };
    let rule = DiscountedThompson::new(MEMORY).with_prior(&Operator::ALL.map(belief));
    Box::new(Bandit::new(rule, Operator::ALL.len(), rng))
}
