use std::collections::{BTreeMap, BTreeSet};

use meta_traits::Stream;
use serde::Serialize;

use super::run::Finished;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 10_000;

/// A mean difference with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// The mean over tasks of the mean over seeds and test examples.
    pub mean: f64,
    /// The interval; tasks are drawn again, and within each its examples.
    pub ci: [f64; 2],
}

/// An arm against another on the same tasks and seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Pairs of runs.
    pub pairs: usize,
    /// Test examples of all tasks together.
    pub test_rows: usize,
    /// Test score of the one less that of the other.
    pub gain: Gain,
    /// The same, task by task, without intervals.
    pub by_task: BTreeMap<String, f64>,
    /// Metric calls of the one to the other's final score over the other's, the median; what is never reached counts as
    /// the whole budget. None where no curves were taken.
    pub calls_ratio: Option<f64>,
    /// Pairs where it was not reached.
    pub never: usize,
}

/// Compares two arms where both have runs. None where they have no task and seed in common.
///
/// Deterministic: the bootstrap's draws come from a fixed stream.
pub fn compare(runs: &[Finished], ours: &str, theirs: &str) -> Option<Comparison> {
    let find = |arm: &str, task: &str, seed: u64| {
        runs.iter().find(|r| r.row.optimizer == arm && r.row.task == task && r.row.seed == seed)
    };
    let keys: BTreeSet<(&str, u64)> = runs.iter().map(|r| (r.row.task.as_str(), r.row.seed)).collect();
    // Differences of an example, summed over the seeds of its task.
    let mut tasks: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    let (mut ratios, mut never, mut pairs) = (Vec::new(), 0, 0);
    for (task, seed) in keys {
        let (Some(a), Some(b)) = (find(ours, task, seed), find(theirs, task, seed)) else { continue };
        pairs += 1;
        let (sums, seeds) = tasks.entry(task).or_insert_with(|| (vec![0.0; a.scores.len()], 0));
        *seeds += 1;
        for (sum, (a, b)) in sums.iter_mut().zip(a.scores.iter().zip(&b.scores)) {
            *sum += f64::from(*a) - f64::from(*b);
        }
        if let (Some((_, goal)), false) = (b.curve.last(), a.curve.is_empty()) {
            let first = |run: &Finished| run.curve.iter().find(|(_, s)| s >= goal).map(|(n, _)| *n);
            let needed = first(a);
            never += usize::from(needed.is_none());
            let of = |n: u64| n.max(1) as f64;
            ratios.push(of(needed.unwrap_or(a.row.calls)) / of(first(b).unwrap_or(b.row.calls)));
        }
    }
    let tasks: Vec<(&str, Vec<f64>)> = tasks
        .into_iter()
        .map(|(task, (sums, seeds))| (task, sums.into_iter().map(|s| s / seeds as f64).collect()))
        .collect();
    if tasks.is_empty() {
        return None;
    }
    ratios.sort_by(f64::total_cmp);
    Some(Comparison {
        pairs,
        test_rows: tasks.iter().map(|(_, d)| d.len()).sum(),
        gain: gain(&tasks),
        by_task: tasks.iter().map(|(task, d)| ((*task).to_owned(), mean(d))).collect(),
        calls_ratio: ratios.get(ratios.len() / 2).copied(),
        never,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn gain(tasks: &[(&str, Vec<f64>)]) -> Gain {
    let mut rng = Stream::root(0).child("bootstrap", 0);
    let mut resample = || {
        let means = (0..tasks.len()).map(|_| {
            let (_, values) = &tasks[rng.below(tasks.len())];
            (0..values.len()).map(|_| values[rng.below(values.len())]).sum::<f64>() / values.len() as f64
        });
        means.sum::<f64>() / tasks.len() as f64
    };
    let mut drawn: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[(share * (RESAMPLES - 1) as f64).round() as usize];
    let means: Vec<f64> = tasks.iter().map(|(_, values)| mean(values)).collect();
    Gain { mean: mean(&means), ci: [at(0.025), at(0.975)] }
}

#[cfg(test)]
mod tests {
    use super::super::run::Row;
    use super::*;

    fn finished(task: &str, arm: &str, scores: &[f32], curve: &[(u64, f64)]) -> Finished {
        let row = Row {
            task: task.into(),
            seed: 0,
            optimizer: arm.into(),
            proposer: "structural".into(),
            seed_test: 0.0,
            best_test: 0.0,
            ci: [0.0, 0.0],
            calls: 600,
            tokens: 0,
        };
        let best = [("a", "b")].into_iter().collect();
        Finished { row, scores: scores.to_vec(), curve: curve.to_vec(), best }
    }

    #[test]
    fn arms_are_compared_task_by_task() {
        let runs = [
            finished("t", "a", &[1.0; 20], &[(16, 0.2), (100, 0.7)]),
            finished("t", "b", &[0.5; 20], &[(60, 0.2), (400, 0.5)]),
            finished("u", "a", &[0.5; 10], &[(16, 0.1)]),
            finished("u", "b", &[0.5; 10], &[(300, 0.4)]),
            finished("only", "a", &[1.0; 10], &[]),
        ];
        let found = compare(&runs, "a", "b").unwrap();
        assert_eq!((found.pairs, found.test_rows, found.never), (2, 30, 1));
        assert!((found.gain.mean - 0.25).abs() < 1e-9);
        assert!(found.gain.ci[0] <= 0.0 && found.gain.ci[1] >= 0.5);
        assert_eq!(found.calls_ratio, Some(2.0));
        assert!(compare(&runs, "a", "c").is_none());
    }
}
