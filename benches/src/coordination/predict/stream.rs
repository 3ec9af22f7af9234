//! The published stream: tasks of four components with features that bear on their costs, noise that features also bear on, and
//! changes that no feature tells of.
//!
//! Task `t` of stream `s` draws from `Stream::root(s).child("cost/task", t)`, in this order, `u` uniform in [0, 1), `n` standard
//! normal (Box & Muller, cosine half, two uniform numbers each):
//!
//! 1. component c = one of selector, topology, hyperopt, prompt (0..3), uniform;
//! 2. examples e = round(64^u); prompt tokens p = round(100 * 40^u); output limit m = 64 * 2^k, k uniform in 0..=4;
//!    fidelity f = one of 0.1, 0.5, 1, uniform; steps k uniform in 1..=6; cached share h = u.
//!    These six are the features.
//! 3. calls = max(1, round(e f k^a_c (1 - 0.7 h) exp(0.15 n))), doubled with probability 0.05 (a retry of all);
//! 4. tokens = calls p (1 + 0.3 k) read, rounded, and calls m v written, rounded, v = u^b_c: how much of the limit is used;
//! 5. seconds = load(t) (read / 4000 + written / w_c) exp((0.1 + 0.05 k) n), load(t) = (1 + 0.3 sin(2 pi t / 2000)), times 1.4
//!    from task 2500 on: another server, which no feature tells;
//! 6. memory = 2^20 (32 + 64 c) + 2048 p e f exp(0.2 n) bytes.
//!
//! a = (0, 0.5, 0.2, 1), b = (1, 2, 1, 0.5), w = (80, 60, 60, 40) by component.

use std::f64::consts::TAU;
use std::time::Duration;

use coordination::predict::Usage;
use meta_traits::{Cost, Stream};

/// Whose tasks, by number.
pub const COMPONENTS: [&str; 4] = ["selector", "topology", "hyperopt", "prompt"];
/// Features of a task.
pub const FEATURES: usize = 6;

/// A task and what it turned out to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Whose, as a place in [`COMPONENTS`].
    pub component: usize,
    /// Examples, prompt tokens, output limit, fidelity, steps, cached share.
    pub features: [f64; FEATURES],
    /// What it used.
    pub used: Usage,
}

fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (TAU * rng.unit()).cos()
}

/// Task `number` of the stream `seed`.
pub fn task(seed: u64, number: usize) -> Task {
    let mut rng = Stream::root(seed).child("cost/task", number as u64);
    let c = rng.below(4);
    let examples = 64_f64.powf(rng.unit()).round();
    let prompt = (100.0 * 40_f64.powf(rng.unit())).round();
    let limit = 64.0 * f64::from(1_u32 << rng.below(5));
    let fidelity = [0.1, 0.5, 1.0][rng.below(3)];
    let steps = (1 + rng.below(6)) as f64;
    let cached = rng.unit();

    let work = examples * fidelity * steps.powf([0.0, 0.5, 0.2, 1.0][c]) * (1.0 - 0.7 * cached);
    let mut calls = (work * (0.15 * normal(&mut rng)).exp()).round().max(1.0);
    if rng.chance(0.05) {
        calls *= 2.0;
    }
    let read = (calls * prompt * (1.0 + 0.3 * steps)).round();
    let written = (calls * limit * rng.unit().powf([1.0, 2.0, 1.0, 0.5][c])).round();
    let load = (1.0 + 0.3 * (TAU * number as f64 / 2000.0).sin()) * if number < 2500 { 1.0 } else { 1.4 };
    let steady = read / 4000.0 + written / [80.0, 60.0, 60.0, 40.0][c];
    let seconds = load * steady * ((0.1 + 0.05 * steps) * normal(&mut rng)).exp();
    let memory = f64::from(1_u32 << 20) * (32.0 + 64.0 * c as f64)
        + 2048.0 * prompt * examples * fidelity * (0.2 * normal(&mut rng)).exp();

    let cost = Cost::tokens(calls as u64, read as u64, written as u64)
        .with_wall(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    Task {
        component: c,
        features: [examples, prompt, limit, fidelity, steps, cached],
        used: Usage::new(cost, memory as u64),
    }
}

#[cfg(test)]
mod tests {
    use coordination::predict::Resource;

    use super::*;

    #[test]
    fn tasks_are_in_range_and_repeatable() {
        for number in 0..500 {
            let task = task(7, number);
            assert_eq!(task, super::task(7, number));
            let [examples, prompt, limit, fidelity, steps, cached] = task.features;
            assert!((1.0..=64.0).contains(&examples) && (100.0..=4000.0).contains(&prompt));
            assert!((64.0..=1024.0).contains(&limit) && (0.1..=1.0).contains(&fidelity));
            assert!((1.0..=6.0).contains(&steps) && (0.0..1.0).contains(&cached));
            let calls = task.used.of(Resource::Calls);
            let least = calls * prompt * (1.0 + 0.3 * steps) - 0.5;
            let tokens = task.used.of(Resource::Tokens);
            assert!(least <= tokens && tokens <= least + calls * limit + 1.5, "{task:?}");
            assert!(task.used.of(Resource::Memory) >= f64::from(1_u32 << 25));
        }
    }
}
