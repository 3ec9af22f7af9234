//! How far the best point told stands above the optimum, evaluation by evaluation.

use std::collections::BTreeMap;

use anyhow::bail;
use bayes_hyperopt::baseline::{Random, Search};
use bayes_hyperopt::{BayesOptimizer, HyperOptConfig};
use meta_traits::{Ask, Optimizer, Outcome, Stream};
use serde::Serialize;

use super::{Function, point, space};

/// One search.
#[derive(Clone, Debug, Serialize)]
pub struct RegretRow {
    /// The function.
    pub function: &'static str,
    /// The seed of the search.
    pub seed: u64,
    /// Simple regret after each evaluation; absent as long as nothing could be evaluated.
    pub regret: Vec<Option<f64>>,
}

/// Points drawn before the model decides, as all peers do.
pub const INITIAL: usize = 10;

/// Searches `function` for `evaluations` trials.
///
/// # Errors
/// When the search stops early or asks for something else than trials.
pub fn regret(function: &'static Function, seed: u64, evaluations: usize) -> anyhow::Result<RegretRow> {
    let config = HyperOptConfig { n_initial_points: INITIAL, ..HyperOptConfig::default() };
    let mut search = BayesOptimizer::new(space(function.inputs)?, config, seed)?;
    drive(function, seed, evaluations, &mut search)
}

/// The same with points drawn at random.
///
/// # Errors
/// As [`regret`].
pub fn random_regret(
    function: &'static Function,
    seed: u64,
    evaluations: usize,
) -> anyhow::Result<RegretRow> {
    let rng = Stream::root(seed).child("bench/random", 0);
    drive(function, seed, evaluations, &mut Search::new(space(function.inputs)?, Random, rng))
}

/// Lets `search` ask and tells it what the function gives.
///
/// # Errors
/// When the search stops early or asks for something else than trials.
pub fn drive<O: Optimizer<Candidate = bayes_hyperopt::Configuration>>(
    function: &'static Function,
    seed: u64,
    evaluations: usize,
    search: &mut O,
) -> anyhow::Result<RegretRow> {
    let noise = Stream::root(seed).child("bench/observe", 0);
    let (mut best, mut regret) = (None::<f64>, Vec::with_capacity(evaluations));
    for i in 0..evaluations {
        let Ask::Run(trial) = search.ask() else { bail!("{} ended after {i} evaluations", function.name) };
        let x = point(function.inputs, &trial.candidate)?;
        let outcome = function.observe(&x, &mut noise.child("trial", i as u64));
        if matches!(outcome, Outcome::Complete(_)) && function.regret(&x).is_finite() {
            best = Some(best.map_or(f64::INFINITY, |b| b).min(function.regret(&x)));
        }
        regret.push(best);
        search.tell(trial.id, outcome)?;
    }
    Ok(RegretRow { function: function.name, seed, regret })
}

/// Medians over seeds.
#[derive(Clone, Debug, Serialize)]
pub struct RegretSummary {
    /// By function, then by number of evaluations.
    pub median_regret: BTreeMap<&'static str, BTreeMap<String, f64>>,
    /// Share of seeds of hartmann6 that end below 0.119, the regret of its second minimum; absent without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below_0_119: Option<f64>,
}

impl RegretSummary {
    /// Summarises at 25, 50, 100, and the last evaluation.
    pub fn new(rows: &[RegretRow]) -> Self {
        let mut median_regret: BTreeMap<&'static str, BTreeMap<String, f64>> = BTreeMap::new();
        let last = rows.iter().map(|row| row.regret.len()).max().unwrap_or(0);
        for row in rows {
            let at = median_regret.entry(row.function).or_default();
            for n in [25, 50, 100, last].into_iter().filter(|n| (1..=last).contains(n)) {
                let values = rows
                    .iter()
                    .filter(|r| r.function == row.function)
                    .map(|r| r.regret.get(n - 1).copied().flatten().unwrap_or(f64::INFINITY));
                at.insert(n.to_string(), median(values.collect()));
            }
        }
        let ends: Vec<f64> = rows
            .iter()
            .filter(|row| row.function == "hartmann6")
            .map(|row| row.regret.last().copied().flatten().unwrap_or(f64::INFINITY))
            .collect();
        let below = ends.iter().filter(|end| **end < 0.119).count() as f64 / ends.len() as f64;
        Self { median_regret, below_0_119: (!ends.is_empty()).then_some(below) }
    }
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
