use std::collections::BTreeMap;

use serde::Serialize;

use super::{Finished, Landscape, Settings};

/// Gains that count as reached when held to the end of the budget.
const LEVELS: [&str; 4] = ["0.5", "0.6", "0.7", "0.8"];

/// One run, as written to the raw rows.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The landscape.
    pub landscape: u64,
    /// Which of several runs on it.
    pub run: u64,
    /// The search.
    pub preset: &'static str,
    /// The proposer's share of informed edits.
    pub rho: f64,
    /// The true score of the seed.
    pub seed_score: f64,
    /// The best true score known.
    pub optimum: f64,
    /// Gain of what is returned at the end.
    pub gain: f64,
    /// Mean gain over the budget.
    pub area: f64,
    /// Calls from which on the gain never fell below the level; none if it does not hold at the end.
    pub held: BTreeMap<&'static str, Option<u64>>,
    /// Prompts asked of the proposer.
    pub proposer_calls: u64,
    /// What the search knows of the prompt it returns, and the p-value of "no better than the seed".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<(&'static str, Option<f64>)>,
}

impl Row {
    /// Judges a run.
    pub fn new(landscape: &Landscape, settings: &Settings, run: &Finished) -> Self {
        let seed_score = landscape.truth(&landscape.space().seed());
        let optimum = landscape.optimum();
        let range = optimum - seed_score;
        let gain = |score: f64| if range > 1e-9 { (score - seed_score) / range } else { 0.0 };
        let at = |calls: u64| {
            let last = run.trace.iter().rev().find(|(c, _)| *c <= calls);
            last.map_or(0.0, |(_, score)| gain(*score))
        };
        let grid = (1..=100).map(|i| at(settings.budget * i / 100));
        let held = LEVELS.iter().map(|&level| {
            let least: f64 = level.parse().unwrap_or_default();
            let below = run.trace.iter().rposition(|(_, score)| gain(*score) < least);
            let from = below.map_or(0, |i| i + 1);
            (level, run.trace.get(from).map(|(calls, _)| *calls))
        });
        Self {
            landscape: landscape.number,
            run: settings.run,
            preset: settings.preset.name(),
            rho: settings.rho,
            seed_score,
            optimum,
            gain: at(settings.budget),
            area: grid.sum::<f64>() / 100.0,
            held: held.collect(),
            proposer_calls: run.proposer_calls,
            verdict: run.verdict.as_ref().map(|v| (v.name(), v.compared().map(|c| c.p))),
        }
    }
}

/// All runs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Mean gain at the end of the budget.
    pub mean_gain: f64,
    /// Mean over landscapes of the mean gain over the budget.
    pub mean_area: f64,
    /// Share of landscapes on which the gain is held.
    pub held: BTreeMap<&'static str, f64>,
    /// Median calls to a held gain; where it is not held the budget and one.
    pub median_calls: BTreeMap<&'static str, f64>,
    /// Mean number of prompts asked of the proposer.
    pub proposer_calls: f64,
}

impl Summary {
    /// Sums up rows of one budget.
    pub fn of(rows: &[Row], budget: u64) -> Self {
        let n = rows.len().max(1) as f64;
        let mean = |of: &dyn Fn(&Row) -> f64| rows.iter().map(of).sum::<f64>() / n;
        let levels = LEVELS[..3].iter().copied();
        let calls = |level: &'static str| {
            let mut calls: Vec<u64> =
                rows.iter().map(|r| r.held.get(level).copied().flatten().unwrap_or(budget + 1)).collect();
            calls.sort_unstable();
            let (low, high) = (calls.get((calls.len().max(1) - 1) / 2), calls.get(calls.len() / 2));
            let middle = low.copied().unwrap_or_default() + high.copied().unwrap_or_default();
            (level, middle as f64 / 2.0)
        };
        let reached = |level: &'static str| {
            (level, mean(&|r| f64::from(u8::from(matches!(r.held.get(level), Some(Some(_)))))))
        };
        Self {
            mean_gain: mean(&|r| r.gain),
            mean_area: mean(&|r| r.area),
            held: levels.clone().map(reached).collect(),
            median_calls: levels.map(calls).collect(),
            proposer_calls: mean(&|r| r.proposer_calls as f64),
        }
    }
}
