//! Learns to balance a pole: `cargo run --release -p rl-selector --no-default-features --example cartpole`.
//!
//! The whole of deep Q learning as a user of the crate sees it: choose, act, report the reward, look at the metrics, keep
//! the weights. Takes about ten thousand steps.

use meta_traits::{Selector as _, Stream};
use rl_selector::env::{CartPole, Environment as _, Status};
use rl_selector::{DoubleDqn, DqnConfig, DqnError, RLConfig};

fn main() -> Result<(), DqnError> {
    let rl = RLConfig { state_dim: 4, action_dim: 2, ..RLConfig::default() };
    let mut agent = DoubleDqn::new(DqnConfig { rl, ..DqnConfig::default() }, 0)?;
    let mut world = CartPole::new();
    let mut rng = Stream::root(0);
    for round in 1..=25 {
        train(&mut agent, &mut world, &mut rng, 1000);
        let mean = (0..20).map(|_| greedy_episode(&mut agent, &mut rng)).sum::<f64>() / 20.0;
        let metrics = agent.metrics();
        println!(
            "{} steps, {} gradient steps, {:.0} % explored: {mean:.0} of 500",
            1000 * round,
            metrics.updates,
            100.0 * metrics.exploration
        );
        if mean >= 495.0 {
            break;
        }
    }
    // The weights alone; `meta_traits::DynSnapshot::save` keeps optimiser, replay and random state as well.
    println!("{} bytes of weights as safetensors", agent.weights()?.len());
    Ok(())
}

/// Acts and learns for `steps` steps, over as many episodes as that takes.
fn train(agent: &mut DoubleDqn, world: &mut CartPole, rng: &mut Stream, steps: usize) {
    world.reset(rng);
    for _ in 0..steps {
        let choice = agent.select(world.state(), &world.allowed()).expect("both actions are allowed");
        let step = world.step(choice.arm, rng);
        // An episode that only a limit ended still has a future; the agent sees that by the state.
        let next = (step.status != Status::Terminated).then(|| world.state());
        agent.reward(choice.id, step.reward, next).expect("the choice was just made");
        if step.status != Status::Running {
            world.reset(rng);
        }
    }
}

/// The return of an episode without exploring; nothing is learnt from it.
fn greedy_episode(agent: &mut DoubleDqn, rng: &mut Stream) -> f64 {
    let mut world = CartPole::new();
    world.reset(rng);
    let mut total = 0.0;
    while let Some(action) = agent.greedy(world.state(), &world.allowed()) {
        let step = world.step(action, rng);
        total += step.reward;
        if step.status != Status::Running {
            break;
        }
    }
    total
}
