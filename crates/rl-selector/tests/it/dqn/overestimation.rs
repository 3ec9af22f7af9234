//! A world in which nothing pays in the mean: what a network believes it can gain is noise.

use meta_traits::Stream;
use rl_selector::{DqnConfig, Experience};

use super::{agent, small};

const ACTIONS: usize = 10;

/// The mean over states of the largest value, after learning from rewards that are 1 or -1 by the toss of a coin.
fn belief(double: bool, seed: u64) -> f64 {
    let mut config = DqnConfig { n_step: 1, ..small(3, ACTIONS) };
    (config.rl.gamma, config.rl.tau, config.rl.learning_rate) = (0.95, 0.005, 1e-2);
    config.rl.double_q_learning = double;
    let mut agent = agent(&config, seed);
    let mut rng = Stream::root(seed).child("rewards", 0);
    let state = |rng: &mut Stream| -> Vec<f64> { (0..3).map(|_| rng.unit() - 0.5).collect() };
    for _ in 0..1500 {
        for _ in 0..4 {
            let next = Some((state(&mut rng), vec![true; ACTIONS]));
            let reward = if rng.chance(0.5) { 1.0 } else { -1.0 };
            let (state, action) = (state(&mut rng), rng.below(ACTIONS));
            agent.observe(&Experience { state, allowed: vec![true; ACTIONS], action, reward, next }).unwrap();
            agent.break_off();
        }
        agent.train(1);
    }
    let best = |values: Vec<f64>| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
    (0..50).map(|_| best(agent.action_values(&state(&mut rng)))).sum::<f64>() / 50.0
}

#[test]
fn double_learning_believes_in_less_gain_where_there_is_none() {
    let mean = |double| (0..4).map(|seed| belief(double, seed)).sum::<f64>() / 4.0;
    let (single, double) = (mean(false), mean(true));
    assert!(single > 1.0, "a single network fools itself: {single}");
    assert!(double < 0.75 * single, "single {single}, double {double}");
}
