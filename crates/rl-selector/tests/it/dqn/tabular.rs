//! Finite worlds whose values are known by value iteration.

use meta_traits::Stream;
use rl_selector::{DoubleDqn, DqnConfig, Experience};

use super::{agent, small};

const STATES: usize = 5;
const ACTIONS: usize = 3;
const GAMMA: f64 = 0.9;

/// Where each action leads (`None` ends the episode), and what it brings.
struct World(Vec<[(Option<usize>, f64); ACTIONS]>);

impl World {
    fn random(seed: u64) -> Self {
        let mut rng = Stream::root(seed).child("world", 0);
        let mut row =
            |_| std::array::from_fn(|_| ((!rng.chance(0.2)).then(|| rng.below(STATES)), rng.unit()));
        Self((0..STATES).map(&mut row).collect())
    }

    fn values(&self) -> Vec<[f64; ACTIONS]> {
        let mut values = vec![[0.0; ACTIONS]; STATES];
        for _ in 0..1000 {
            let best = |s: usize| values[s].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let value = |(next, reward): (Option<usize>, f64)| reward + next.map_or(0.0, |s| GAMMA * best(s));
            values = self.0.iter().map(|row| row.map(value)).collect();
        }
        values
    }
}

fn one_hot(state: usize) -> Vec<f64> {
    (0..STATES).map(|s| f64::from(u8::from(s == state))).collect()
}

/// Shows every action of every state, each a trajectory of its own.
fn show(world: &World, agent: &mut DoubleDqn) {
    for (state, row) in world.0.iter().enumerate() {
        for (action, (next, reward)) in row.iter().enumerate() {
            let next = next.map(|s| (one_hot(s), vec![true; ACTIONS]));
            let allowed = vec![true; ACTIONS];
            let step = Experience { state: one_hot(state), allowed, action, reward: *reward, next };
            agent.observe(&step).unwrap();
            agent.break_off();
        }
    }
}

fn config(rate: f64) -> DqnConfig {
    let mut config = DqnConfig { n_step: 1, ..small(STATES, ACTIONS) };
    (config.rl.gamma, config.rl.tau, config.rl.learning_rate) = (GAMMA, 0.05, rate);
    config
}

/// The agent after three stages of falling step size, each begun with the weights of the last.
fn solve(world: &World, seed: u64, change: impl Fn(DqnConfig) -> DqnConfig) -> DoubleDqn {
    let mut solved = agent(&change(config(3e-3)), seed);
    show(world, &mut solved);
    solved.train(4000);
    for rate in [3e-4, 3e-5] {
        let mut next = agent(&change(config(rate)), seed);
        next.load_weights(&solved.weights().unwrap()).unwrap();
        show(world, &mut next);
        next.train(2000);
        solved = next;
    }
    solved
}

fn error(world: &World, agent: &mut DoubleDqn) -> f64 {
    let values = world.values();
    let distances = (0..STATES).map(|s| {
        let found = agent.action_values(&one_hot(s));
        found.iter().zip(values[s]).map(|(q, v)| (q - v).abs()).fold(0.0, f64::max)
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn random_worlds_are_solved_to_a_thousandth() {
    for seed in 0..3 {
        let world = World::random(seed);
        let mut agent = solve(&world, seed, |config| config);
        let error = error(&world, &mut agent);
        assert!(error < 1e-3, "world {seed}: {error}");
    }
}

#[test]
fn dueling_single_and_uniform_agents_solve_them_too() {
    let world = World::random(4);
    let change = |mut config: DqnConfig| {
        (config.rl.dueling_network, config.rl.double_q_learning, config.rl.prioritized_replay) =
            (true, false, false);
        config
    };
    let mut agent = solve(&world, 4, change);
    let error = error(&world, &mut agent);
    assert!(error < 1e-3, "{error}");
}
