//! What learning and deciding cost.

use std::fs;
use std::time::Instant;

use meta_traits::{Selector as _, Stream};
use rl_selector::{DoubleDqn, DqnConfig, DqnError, Experience};
use serde::Serialize;

/// Gradient steps before the clock runs.
const WARM: usize = 100;
/// Gradient steps timed.
const STEPS: usize = 1000;
/// Decisions timed.
const DECISIONS: usize = 20_000;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The seed of network and experience.
    pub seed: u64,
    /// Gradient steps a second of this thread's processor time.
    pub gradient_steps_per_cpu_s: f64,
    /// Microseconds a decision, median.
    pub decision_us_p50: f64,
    /// Microseconds a decision, 99 of 100 are faster.
    pub decision_us_p99: f64,
}

/// Fills a replay with random experience, then times gradient steps and decisions on one thread.
///
/// A gradient step is all of it: a prioritised draw, three forward passes and one back (double), Adam, the target's soft
/// step, new priorities. A decision is all of it: from the state as `f64` to the masked arm with its value.
///
/// # Errors
/// A setting outside its range.
pub fn measure(config: &DqnConfig, seed: u64) -> Result<Row, DqnError> {
    let mut agent = DoubleDqn::new(config.clone(), seed)?;
    let mut rng = Stream::root(seed).child("speed", 0);
    let (width, actions) = (config.rl.state_dim, config.rl.action_dim);
    let mut state: Vec<f64> = (0..width).map(|_| rng.unit()).collect();
    for _ in 0..config.rl.buffer_capacity {
        let next: Vec<f64> = (0..width).map(|_| rng.unit()).collect();
        let follows = (next.clone(), vec![true; actions]);
        agent.observe(&Experience {
            state: std::mem::replace(&mut state, next),
            allowed: vec![true; actions],
            action: rng.below(actions),
            reward: rng.unit(),
            next: (!rng.chance(0.02)).then_some(follows),
        })?;
    }
    agent.train(WARM);
    let (wall, cpu) = (Instant::now(), thread_seconds());
    agent.train(STEPS);
    let wall = wall.elapsed().as_secs_f64();
    let used = thread_seconds().zip(cpu).map_or(wall, |(after, before)| after - before);
    agent.set_training_mode(false);
    let mut micros: Vec<f64> =
        (0..DECISIONS).map(|_| decision(&mut agent, width, actions, &mut rng)).collect();
    micros.sort_unstable_by(f64::total_cmp);
    Ok(Row {
        seed,
        gradient_steps_per_cpu_s: STEPS as f64 / used,
        decision_us_p50: micros[DECISIONS / 2],
        decision_us_p99: micros[DECISIONS * 99 / 100],
    })
}

fn decision(agent: &mut DoubleDqn, width: usize, actions: usize, rng: &mut Stream) -> f64 {
    let state: Vec<f64> = (0..width).map(|_| rng.unit()).collect();
    let allowed: Vec<bool> = (0..actions).map(|a| a == 0 || rng.chance(0.7)).collect();
    let start = Instant::now();
    let choice = agent.select(&state, &allowed);
    let micros = start.elapsed().as_secs_f64() * 1e6;
    if let Some(choice) = choice {
        // Just made, so it awaits a reward.
        let _ = agent.reward(choice.id, 0.0, None);
    }
    micros
}

/// Seconds this thread has run, from the scheduler's nanoseconds; `None` where the system does not say.
fn thread_seconds() -> Option<f64> {
    let counts = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(counts.split(' ').next()?.parse::<u64>().ok()? as f64 / 1e9)
}

/// Medians over seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Gradient steps a second of processor time on one thread.
    pub gradient_steps_per_cpu_s: f64,
    /// Microseconds a decision, median.
    pub decision_us_p50: f64,
    /// Microseconds a decision, 99 of 100 are faster.
    pub decision_us_p99: f64,
}

impl Summary {
    /// Of these rows; zeros without any.
    pub fn of(rows: &[Row]) -> Self {
        let median = |figure: fn(&Row) -> f64| {
            let mut figures: Vec<f64> = rows.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or(0.0)
        };
        Self {
            gradient_steps_per_cpu_s: median(|r| r.gradient_steps_per_cpu_s),
            decision_us_p50: median(|r| r.decision_us_p50),
            decision_us_p99: median(|r| r.decision_us_p99),
        }
    }
}
