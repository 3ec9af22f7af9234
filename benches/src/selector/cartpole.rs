//! How many steps the deep selector needs on CartPole.

use meta_traits::Stream;
use rl_selector::env::{CartPole, Environment, Status, act};
use rl_selector::{DoubleDqn, DqnConfig, DqnError, RLConfig};
use serde::Serialize;

/// Steps between evaluations.
const INTERVAL: u64 = 1000;
/// Greedy episodes an evaluation.
const EPISODES: u64 = 100;
/// Mean return at which the task counts as solved, as Gym's registry has it.
const SOLVED: f64 = 475.0;

/// The settings of the measurement: the crate's defaults, with states of 4 numbers and 2 actions.
pub fn config() -> DqnConfig {
    let rl = RLConfig { state_dim: 4, action_dim: 2, ..RLConfig::default() };
    DqnConfig { rl, ..DqnConfig::default() }
}

/// One training run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The seed.
    pub seed: u64,
    /// Steps until 100 greedy episodes first had a mean of 475; none within the limit.
    pub solved: Option<u64>,
    /// Steps and the mean of 100 greedy episodes after them.
    pub curve: Vec<(u64, f64)>,
}

/// Trains until the task is solved, or `limit` steps are used up.
///
/// # Errors
/// A setting outside its range.
pub fn train(config: &DqnConfig, seed: u64, limit: u64) -> Result<Row, DqnError> {
    let mut agent = DoubleDqn::new(config.clone(), seed)?;
    let root = Stream::root(seed).child("cartpole", 0);
    let mut rng = root.child("train", 0);
    let mut world = CartPole::new();
    world.reset(&mut rng);
    let mut curve = Vec::new();
    for step in 1..=limit {
        let ended = act(&mut agent, &mut world, &mut rng).is_none_or(|s| s.status != Status::Running);
        if ended {
            world.reset(&mut rng);
        }
        if step % INTERVAL == 0 {
            let mean = evaluate(&mut agent, &root.child("evaluate", step));
            curve.push((step, mean));
            if mean >= SOLVED {
                return Ok(Row { seed, solved: Some(step), curve });
            }
        }
    }
    Ok(Row { seed, solved: None, curve })
}

/// The mean return of greedy episodes.
fn evaluate(agent: &mut DoubleDqn, rng: &Stream) -> f64 {
    let episode = |episode: u64| {
        let (mut world, mut rng) = (CartPole::new(), rng.child("episode", episode));
        world.reset(&mut rng);
        let mut sum = 0.0;
        while let Some(action) = agent.greedy(world.state(), &world.allowed()) {
            let step = world.step(action, &mut rng);
            sum += step.reward;
            if step.status != Status::Running {
                break;
            }
        }
        sum
    };
    (0..EPISODES).map(episode).sum::<f64>() / EPISODES as f64
}

/// What a range of seeds showed.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Seeds.
    pub runs: usize,
    /// Those that were solved within the limit.
    pub solved: usize,
    /// Median of the steps to solve; an unsolved run counts as infinitely long, and an infinite median is none.
    pub median_steps: Option<f64>,
}

impl Summary {
    /// Of these rows.
    pub fn of(rows: &[Row]) -> Self {
        let mut steps: Vec<f64> = rows.iter().map(|r| r.solved.map_or(f64::INFINITY, |s| s as f64)).collect();
        steps.sort_unstable_by(f64::total_cmp);
        let middle = |at: usize| steps.get(at).copied().unwrap_or(f64::INFINITY);
        let median = f64::midpoint(middle(rows.len().saturating_sub(1) / 2), middle(rows.len() / 2));
        let solved = rows.iter().filter(|r| r.solved.is_some()).count();
        Self { runs: rows.len(), solved, median_steps: median.is_finite().then_some(median) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_count_unsolved_runs_as_endless() {
        let rows = |solved: &[Option<u64>]| -> Vec<Row> {
            solved.iter().map(|solved| Row { seed: 0, solved: *solved, curve: Vec::new() }).collect()
        };
        let median = |solved: &[Option<u64>]| Summary::of(&rows(solved)).median_steps;
        assert_eq!(median(&[Some(3000), Some(1000), None]), Some(3000.0));
        assert_eq!(median(&[Some(3000), Some(1000)]), Some(2000.0));
        assert_eq!(median(&[Some(3000), None]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(Summary::of(&rows(&[Some(1), None])).solved, 1);
    }
}
