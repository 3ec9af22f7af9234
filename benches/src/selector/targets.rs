//! Expected running times to targets, and how two methods compare on them.

use super::record::BUDGET;

/// 10^2, 10^1.8, ..., 10^-8.
const TARGETS: usize = 51;

fn target(index: usize) -> f64 {
    10_f64.powf(2.0 - 0.2 * index as f64)
}

/// Evaluations a run took to each target; `None` when it did not reach it. `gaps` is the distance of the best from the
/// optimum after each evaluation.
fn hits(gaps: &[f64]) -> [Option<usize>; TARGETS] {
    std::array::from_fn(|i| gaps.iter().position(|gap| *gap <= target(i) * (1.0 + 1e-9)).map(|at| at + 1))
}

/// Expected running time of each target over the runs on one function; `None` where no run succeeds.
fn expected(runs: &[Vec<f64>]) -> [Option<f64>; TARGETS] {
    let hits: Vec<_> = runs.iter().map(|gaps| hits(gaps)).collect();
    std::array::from_fn(|i| {
        let successes = hits.iter().filter(|h| h[i].is_some()).count();
        let spent: usize = hits.iter().map(|h| h[i].unwrap_or(BUDGET)).sum();
        (successes > 0).then(|| spent as f64 / successes as f64)
    })
}

/// How many times fewer evaluations `method` needs than `other`: the geometric mean over functions of the geometric mean
/// over the targets that both reach. Each takes, for every function, the runs on it.
pub(super) fn ratio(method: &[Vec<Vec<f64>>], other: &[Vec<Vec<f64>>]) -> f64 {
    let mut functions = Vec::new();
    for (a, b) in method.iter().zip(other) {
        let both = expected(a).into_iter().zip(expected(b)).filter_map(|(a, b)| Some((b? / a?).ln()));
        let logs: Vec<f64> = both.collect();
        if !logs.is_empty() {
            functions.push(logs.iter().sum::<f64>() / logs.len() as f64);
        }
    }
    (functions.iter().sum::<f64>() / functions.len().max(1) as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_slow_is_a_ratio_of_two() {
        let run = |late: usize| {
            let mut gaps = vec![1e3; BUDGET];
            gaps[late - 1..].fill(1e-8);
            gaps
        };
        let fast = vec![vec![run(100), run(300)]];
        let slow = vec![vec![run(200), run(600)]];
        assert!((ratio(&fast, &slow) - 2.0).abs() < 1e-12);
        let failed = vec![vec![run(200), vec![1e3; BUDGET]]];
        assert!((ratio(&fast, &failed) - 6.0).abs() < 1e-12);
    }
}
