use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, single};
use super::evolve::{OFF, ON, evolve};
use super::instance::{Family, GENERATORS, Instance};
use super::reference::reference;

/// Least gap, so that instances without one do not decide.
const LEAST_GAP: f64 = 0.02;
/// Evaluations after which scores are kept; the last stands for all.
const AT: [usize; 4] = [20, 50, 100, usize::MAX];

/// One instance and all that searched it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The search.
    pub search: String,
    /// Its repetition.
    pub run: u64,
    /// True score of the recommendation after 20, 50, 100 and all evaluations.
    pub scores: [f64; 4],
    /// Evaluations until the recommendation closes half the gap between `base` and `best`, all where it never does.
    pub half: usize,
    /// Predictions of new workflows, and how many 90 % intervals held the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<[u64; 2]>,
}

/// Runs every search on one instance.
pub fn row(family: Family, seed: u64, runs: u64, evaluations: usize) -> Row {
    let instance = Instance::new(family, seed);
    let (star, mut best) = reference(&instance);
    let base = (0..GENERATORS).map(|g| instance.truth(&single(g)).value).fold(f64::NEG_INFINITY, f64::max);
    let mut curves = Vec::new();
    for run in 0..runs {
        for baseline in Baseline::ALL {
            curves.push((baseline.name(), run, baseline.search(&instance, run, evaluations), None));
        }
        for (name, predictor) in [(ON, true), (OFF, false)] {
            let (curve, calibration) = evolve(&instance, run, evaluations, predictor);
            curves.push((name, run, curve, Some([calibration.n, calibration.covered])));
        }
    }
    best = curves.iter().flat_map(|(_, _, curve, _)| curve).copied().fold(best.max(base), f64::max);
    let target = base + 0.5 * (best - base).max(LEAST_GAP);
    let summed = |(search, run, curve, intervals): (&str, u64, Vec<f64>, Option<[u64; 2]>)| Run {
        search: search.to_owned(),
        run,
        scores: AT.map(|at| rounded(curve.get(at - 1).or(curve.last()).copied().unwrap_or(base))),
        half: curve.iter().position(|s| *s >= target).map_or(curve.len(), |i| i + 1),
        intervals,
    };
    let runs = curves.into_iter().map(summed).collect();
    Row { family, seed, best: rounded(best), base: rounded(base), reference: star.to_string(), runs }
}

/// Six digits: the true score is a share of 4,000 items.
fn rounded(score: f64) -> f64 {
    (1e6 * score).round() / 1e6
}
