//! A run that is cut and taken up goes on bit for bit.

use meta_traits::{DynSnapshot, Selector, Snapshot, Stream};
use rl_selector::env::{CartPole, Environment, Status, act};
use rl_selector::{DoubleDqn, DqnConfig, RLConfig};

use super::{agent, small};

fn config() -> DqnConfig {
    let mut config = DqnConfig { heads: 3, quantiles: 2, ..small(4, 2) };
    config.rl.hidden_dims = vec![64, 32];
    config
}

/// Steps on CartPole with everything drawn by step number, so that the world needs no memory but its state.
fn drive(agent: &mut DoubleDqn, world: &mut CartPole, steps: std::ops::Range<u64>) -> Vec<u64> {
    let mut seen = Vec::new();
    for step in steps {
        let mut rng = Stream::root(5).child("step", step);
        let outcome = act(agent, world, &mut rng).unwrap();
        if outcome.status != Status::Running {
            world.reset(&mut rng);
        }
        seen.extend(agent.action_values(world.state()).iter().map(|q| q.to_bits()));
    }
    seen
}

#[test]
fn a_run_cut_in_the_middle_is_the_same_run() {
    for cut in [50, 333, 1200] {
        let (mut whole, mut world) = (agent(&config(), 1), CartPole::new());
        drive(&mut whole, &mut world, 0..cut);
        let saved = whole.save();
        let mut world_2 = world.clone();
        let mut taken_up = agent(&DqnConfig { rl: RLConfig::default(), ..DqnConfig::default() }, 99);
        taken_up.load(saved.clone()).unwrap();
        assert_eq!(taken_up.save(), saved);
        let expected = drive(&mut whole, &mut world, cut..cut + 300);
        assert_eq!(drive(&mut taken_up, &mut world_2, cut..cut + 300), expected);
        // Networks, moments, replay, priorities, stream and counts: all of it is in the envelope.
        assert_eq!(taken_up.save(), whole.save());
        assert_eq!(whole.metrics().buffer_size, 1000.min(cut as usize + 300 - 3));
    }
}

#[test]
fn two_runs_of_one_seed_are_equal_and_of_two_are_not() {
    let run = |seed| drive(&mut agent(&config(), seed), &mut CartPole::new(), 0..400);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn states_that_break_an_invariant_are_refused() {
    let mut agent = agent(&small(2, 2), 1);
    for _ in 0..150 {
        let choice = agent.select(&[0.1, 0.2], &[true, true]).unwrap();
        agent.reward(choice.id, 1.0, Some(&[0.1, 0.2])).unwrap();
    }
    let good = serde_json::to_value(agent.snapshot()).unwrap();
    let before = agent.save();
    for (pointer, bad) in [
        ("/config/rl/state_dim", serde_json::json!(3)),
        ("/config/rl/gamma", serde_json::json!(0.95)),
        ("/config/rl/learning_rate", serde_json::json!(2)),
        ("/config/heads", serde_json::json!(2)),
        ("/parameters", serde_json::json!("00000000")),
        ("/target", serde_json::json!("")),
        ("/adam/first", serde_json::json!("")),
        ("/replay/ring/rewards", serde_json::json!("00000000")),
        ("/replay/ring/added", serde_json::json!(7)),
        ("/replay/ring/actions/0", serde_json::json!(2)),
        ("/replay/tree", serde_json::json!(null)),
        ("/replay/top", serde_json::json!(-1.0)),
        ("/pending/0/action", serde_json::json!(9)),
        ("/pending/0/id", serde_json::json!(150)),
        ("/counters/decisions", serde_json::json!(0)),
        ("/tally/arms", serde_json::json!([])),
        ("/stream", serde_json::json!("x")),
    ] {
        let mut state = good.clone();
        *state.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = bad;
        let refused = serde_json::from_value(state).is_ok_and(|state| agent.restore(state).is_ok());
        assert!(!refused, "{pointer} was accepted");
        assert_eq!(agent.save(), before, "{pointer}");
    }
}

#[test]
fn a_restrained_agent_draws_less_and_a_restored_one_too() {
    let config = small(2, 3);
    let mut first = agent(&config, 1);
    let share = |agent: &DoubleDqn| agent.metrics().exploration;
    assert!(share(&first) > 0.99, "it warms up");
    first.restrain(0.25);
    first.restrain(f64::NAN);
    let mut second = agent(&config, 2);
    second.restore(first.snapshot()).unwrap();
    assert_eq!((share(&first), share(&second)), (0.25, 0.25));
    first.restrain(7.0);
    second.restrain(-1.0);
    assert_eq!((share(&first), share(&second)), (1.0, 0.0));
}
