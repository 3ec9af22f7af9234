//! Every setting of [`rl_selector::RLConfig`] changes what is learnt or done.

use meta_traits::{Selector as _, Stream};
use rl_selector::{DoubleDqn, DqnConfig, Experience, RLConfig};

use super::{agent, small};

type Change = fn(&mut RLConfig);

/// Values after learning from the same experience.
fn learnt(change: impl Fn(&mut RLConfig)) -> Vec<u64> {
    let mut config = DqnConfig { n_step: 1, ..small(2, 3) };
    (config.rl.tau, config.rl.learning_rate) = (0.01, 1e-2);
    change(&mut config.rl);
    let mut agent = agent(&config, 5);
    remember(&mut agent, 200);
    agent.train(80);
    agent.action_values(&[0.3, 0.7]).iter().map(|v| v.to_bits()).collect()
}

fn remember(agent: &mut DoubleDqn, count: usize) {
    let mut rng = Stream::root(2);
    for _ in 0..count {
        let step = Experience {
            state: vec![rng.unit(), rng.unit()],
            allowed: vec![true; 3],
            action: rng.below(3),
            reward: rng.unit(),
            next: Some((vec![rng.unit(), rng.unit()], vec![true; 3])),
        };
        agent.observe(&step).unwrap();
        agent.break_off();
    }
}

#[test]
fn every_setting_of_learning_changes_what_is_learnt() {
    let base = learnt(|_| {});
    assert_eq!(learnt(|_| {}), base);
    let changes: [(&str, Change); 8] = [
        ("hidden_dims", |c| c.hidden_dims = vec![40]),
        ("learning_rate", |c| c.learning_rate *= 2.0),
        ("batch_size", |c| c.batch_size += 1),
        ("gamma", |c| c.gamma = 0.9),
        ("tau", |c| c.tau = 0.5),
        ("prioritized_replay", |c| c.prioritized_replay = !c.prioritized_replay),
        ("double_q_learning", |c| c.double_q_learning = !c.double_q_learning),
        ("dueling_network", |c| c.dueling_network = !c.dueling_network),
    ];
    for (field, change) in changes {
        assert_ne!(learnt(change), base, "{field}");
    }
}

#[test]
fn widths_and_capacity_are_kept() {
    let mut config = small(2, 3);
    config.rl.buffer_capacity = 1000;
    let mut narrow = agent(&config, 1);
    remember(&mut narrow, 1300);
    let metrics = narrow.metrics();
    assert_eq!((metrics.buffer_size, metrics.experience, metrics.arms.len()), (1000, 1300, 3));
    config.rl.buffer_capacity = 1200;
    let mut wide = agent(&config, 1);
    remember(&mut wide, 1300);
    assert_eq!(wide.metrics().buffer_size, 1200);
    let step = Experience { state: vec![0.0; 3], allowed: vec![true; 3], action: 0, reward: 0.0, next: None };
    assert!(wide.observe(&step).is_err());
}

#[test]
fn the_share_of_drawn_choices_ends_at_the_noise() {
    for noise in [0.0, 0.3, 1.0] {
        let mut config = DqnConfig { exploration_steps: 0, ..small(1, 4) };
        config.rl.exploration_noise = noise;
        let mut agent = agent(&config, 3);
        for _ in 0..200 {
            let choice = agent.select(&[0.5], &[true; 4]).unwrap();
            agent.reward(choice.id, f64::from(u8::from(choice.arm == 2)), None).unwrap();
        }
        assert!((agent.metrics().exploration - noise).abs() < 1e-12);
        let other = (0..400)
            .filter(|_| {
                let best = agent.greedy(&[0.5], &[true; 4]);
                let choice = agent.select(&[0.5], &[true; 4]).unwrap();
                agent.reward(choice.id, 0.0, None).unwrap();
                Some(choice.arm) != best
            })
            .count() as f64
            / 400.0;
        assert!((other - 0.75 * noise).abs() < 0.09, "{noise}: {other}");
    }
}
