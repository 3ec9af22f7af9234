use serde::Serialize;

use super::baseline::{Baseline, single};
use super::evolve::{OFF, ON, evolve};
use super::instance::{Family, GENERATORS, Instance};
use super::reference::reference;

/// One instance and all that searched it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The family.
    pub family: Family,
    /// The instance of it.
    pub seed: u64,
    /// Best true score known: of the reference search and of every recommendation.
    pub best: f64,
    /// True score of the best single generator.
    pub base: f64,
    /// The workflow the reference search found.
    pub reference: String,
    /// Runs of all searches.
    pub runs: Vec<Run>,
}

/// One search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The search.
    pub search: &'static str,
    /// Its repetition.
    pub run: u64,
    /// True score of the recommendation after each evaluation.
    pub curve: Vec<f64>,
    /// Predictions of new workflows, and how many 90 % intervals held the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<[u64; 2]>,
}

/// Runs every search on one instance.
pub fn row(family: Family, seed: u64, runs: u64, evaluations: usize) -> Row {
    let instance = Instance::new(family, seed);
    let (star, mut best) = reference(&instance);
    let base = (0..GENERATORS).map(|g| instance.truth(&single(g)).value).fold(f64::NEG_INFINITY, f64::max);
    let mut all = Vec::new();
    for run in 0..runs {
        for baseline in Baseline::ALL {
            let curve = baseline.search(&instance, run, evaluations);
            all.push(Run { search: baseline.name(), run, curve, intervals: None });
        }
        for (name, predictor) in [(ON, true), (OFF, false)] {
            let (curve, calibration) = evolve(&instance, run, evaluations, predictor);
            all.push(Run { search: name, run, curve, intervals: Some([calibration.n, calibration.covered]) });
        }
    }
    best = all.iter().flat_map(|r| &r.curve).copied().fold(best.max(base), f64::max);
    Row { family, seed, best, base, reference: star.to_string(), runs: all }
}
