use rl_selector::simulator::Replay;

use super::super::portfolio::Action;
use super::super::record::{BUDGET, Setting};

/// The arms of the fixed sequence, a sixth of the budget each.
const SEQUENCE: [usize; 6] = [0, 4, 5, 3, 1, 2];

/// The best value after each evaluation of the fixed sequence, when solvers share nothing.
pub(super) fn fixed_in_replay(replay: &Replay, case: usize) -> Vec<f64> {
    let share = BUDGET / SEQUENCE.len();
    let mut best = f64::INFINITY;
    let mut values = Vec::with_capacity(BUDGET);
    for (place, arm) in SEQUENCE.iter().enumerate() {
        let length = if place + 1 == SEQUENCE.len() { BUDGET - values.len() } else { share };
        for value in &replay.cases()[case].traces[*arm][..length] {
            best = best.min(*value);
            values.push(best);
        }
    }
    values
}

/// The same when each solver is handed the incumbent.
pub(super) fn fixed_handed_on(setting: &Setting) -> Vec<f64> {
    let share = BUDGET / SEQUENCE.len();
    let mut run = setting.run(&[]);
    for (place, arm) in SEQUENCE.iter().enumerate() {
        let length = if place + 1 == SEQUENCE.len() { BUDGET - run.values().len() } else { share };
        run.step(Action::injected(*arm), length);
    }
    let mut best = f64::INFINITY;
    run.values()
        .iter()
        .map(|value| {
            best = best.min(*value);
            best
        })
        .collect()
}
