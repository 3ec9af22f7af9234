use std::collections::BTreeMap;

use meta_traits::Selector;

use super::{Replay, leave_problems_out};

/// How a selector that learns does on problems it did not learn from: the mean score by problem; lower is better.
///
/// Problems are dealt into folds as by [`leave_problems_out`]. For each fold `learn` is given the indices of the cases to
/// learn from, and gives a selector for a run; it is asked once a run, with the index of the case to be played beside it
/// (a seed for its draws, no more).
///
/// ```
/// use meta_traits::Stream;
/// use rl_selector::simulator::{Case, Replay, Yardstick, across_problems};
/// use rl_selector::{Schedule, Scheduled};
/// let case = |name: &str, good: usize| Case {
///     problem: name.into(),
///     instance: 1,
///     yardstick: Yardstick::Loss,
///     traces: (0..2).map(|arm| vec![if arm == good { 0.0 } else { 1.0 }; 4]).collect(),
/// };
/// let replay = Replay::new(4, 2, vec![case("a", 0), case("b", 0), case("c", 0)])?;
/// let learn = |known: &[usize], _: usize| Scheduled::new(Schedule::greedy(&replay, known));
/// let scores = across_problems(&replay, 3, learn);
/// assert_eq!(scores["b"], 0.0);
/// # Ok::<(), rl_selector::simulator::SimulatorError>(())
/// ```
pub fn across_problems<S: Selector<Context = [f64]>>(
    replay: &Replay,
    folds: usize,
    learn: impl Fn(&[usize], usize) -> S,
) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for fold in leave_problems_out(replay.cases(), folds) {
        for case in fold.test {
            let score = replay.play(case, &mut learn(&fold.train, case)).score;
            let sum = sums.entry(replay.cases()[case].problem.clone()).or_default();
            *sum = (sum.0 + score, sum.1 + 1.0);
        }
    }
    sums.into_iter().map(|(problem, (sum, count))| (problem, sum / count)).collect()
}
