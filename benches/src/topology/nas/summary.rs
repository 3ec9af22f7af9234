use std::collections::BTreeMap;

use serde::Serialize;

use super::search::{Method, Run};

/// How soon each search reached the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Mean evaluations until the test error of the choice is at the target; the budget where it never is.
    pub evaluations_to_target: BTreeMap<Method, f64>,
    /// Share of runs that reached it.
    pub reached: BTreeMap<Method, f64>,
    /// Runs of each search.
    pub runs: usize,
}

impl Summary {
    /// The summary of runs.
    pub fn of(runs: &[Run]) -> Self {
        let to_target = |r: &Run| r.curve.iter().position(|e| *e <= r.problem.target()).map(|i| i + 1);
        let mean = |method, of: &dyn Fn(&Run) -> f64| {
            let found: Vec<f64> = runs.iter().filter(|r| r.method == method).map(of).collect();
            (method, found.iter().sum::<f64>() / found.len().max(1) as f64)
        };
        let evaluations = |r: &Run| to_target(r).unwrap_or(r.curve.len()) as f64;
        let reached = |r: &Run| f64::from(u8::from(to_target(r).is_some()));
        Self {
            evaluations_to_target: Method::ALL.into_iter().map(|m| mean(m, &evaluations)).collect(),
            reached: Method::ALL.into_iter().map(|m| mean(m, &reached)).collect(),
            runs: runs.len() / Method::ALL.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::Problem;
    use super::*;

    #[test]
    fn a_run_that_never_arrives_counts_its_budget() {
        let run =
            |method, curve: &[f64]| Run { problem: Problem::Spirals, seed: 1, method, curve: curve.to_vec() };
        let runs = [
            run(Method::Random, &[0.5, 0.5, 0.5]),
            run(Method::Aging, &[0.5, 0.0, 0.5]),
            run(Method::Predictor, &[0.05, 0.5, 0.5]),
        ];
        let summary = Summary::of(&runs);
        let found: Vec<f64> = summary.evaluations_to_target.into_values().collect();
        assert_eq!(found, [3.0, 2.0, 1.0]);
        assert_eq!(summary.reached.into_values().collect::<Vec<_>>(), [0.0, 1.0, 1.0]);
        assert_eq!(summary.runs, 1);
    }
}
