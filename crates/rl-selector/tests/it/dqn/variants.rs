//! What each switch does.

use meta_traits::{Level, Selector, Stream};
use rl_selector::{DoubleDqn, DqnConfig, Experience};

use super::{agent, small};

/// One decision with a reward that ends the episode.
fn pull(agent: &mut DoubleDqn, state: &[f64], reward: impl Fn(usize) -> f64) -> usize {
    let choice = agent.select(state, &[true; 3]).unwrap();
    assert_eq!(choice.level, Level::Dqn);
    agent.reward(choice.id, reward(choice.arm), None).unwrap();
    choice.arm
}

#[test]
fn warm_up_and_update_frequency_are_honoured() {
    let mut config = DqnConfig { gradient_steps: 2, ..small(1, 3) };
    (config.rl.warmup_steps, config.rl.update_frequency) = (120, 10);
    let mut agent = agent(&config, 1);
    for step in 1..=300_u64 {
        pull(&mut agent, &[0.0], |_| 1.0);
        let metrics = agent.metrics();
        assert_eq!(metrics.warmed_up, step >= 120);
        let learnt = if step < 120 { 0 } else { 2 * (1 + (step - 120) / 10) };
        assert_eq!(metrics.updates, learnt, "after {step} decisions");
    }
}

#[test]
fn experience_of_earlier_runs_counts_towards_the_warm_up() {
    let mut agent = agent(&small(1, 3), 1);
    let step = Experience { state: vec![0.0], allowed: vec![true; 3], action: 1, reward: 1.0, next: None };
    for _ in 0..99 {
        agent.observe(&step).unwrap();
    }
    assert!(!agent.metrics().warmed_up);
    pull(&mut agent, &[0.0], |_| 0.0);
    assert!(agent.metrics().warmed_up);
}

#[test]
fn without_training_nothing_is_explored_remembered_or_learnt() {
    let mut agent = agent(&small(1, 3), 1);
    for _ in 0..300 {
        pull(&mut agent, &[0.3], |arm| f64::from(u8::from(arm == 2)));
    }
    let before = agent.metrics();
    agent.set_training_mode(false);
    let values = agent.action_values(&[0.3]);
    for _ in 0..50 {
        assert_eq!(pull(&mut agent, &[0.3], |_| 5.0), 2);
    }
    let after = agent.metrics();
    assert_eq!((after.experience, after.updates), (before.experience, before.updates));
    assert_eq!(agent.action_values(&[0.3]), values);
    assert_eq!((after.exploration, after.arms[2].count), (0.0, before.arms[2].count + 50));
    assert_eq!(after.last_selections, [2; 10]);
    agent.set_training_mode(true);
    let choices: Vec<usize> = (0..200).map(|_| pull(&mut agent, &[0.3], |_| 0.0)).collect();
    assert!(choices.iter().any(|arm| *arm != 2));
}

#[test]
fn loaded_weights_act_at_once() {
    let mut teacher = agent(&small(1, 3), 1);
    for _ in 0..300 {
        pull(&mut teacher, &[0.3], |arm| f64::from(u8::from(arm == 1)));
    }
    let mut pupil = agent(&small(1, 3), 2);
    pupil.load_weights(&teacher.weights().unwrap()).unwrap();
    assert_eq!(pupil.action_values(&[0.3]), teacher.action_values(&[0.3]));
    let right = (0..100).filter(|_| pull(&mut pupil, &[0.3], |_| 0.0) == 1).count();
    assert!(right > 80, "{right}");
    assert!(pupil.load_weights(&[1, 2, 3]).is_err());
}

/// Rewards 0 or 1 with equal chance: the quantiles spread over both, the mean is between.
#[test]
fn quantiles_show_the_spread_of_returns() {
    let mut config = DqnConfig { quantiles: 16, ..small(1, 2) };
    config.rl.learning_rate = 3e-3;
    let mut agent = agent(&config, 1);
    let mut rng = Stream::root(3);
    for _ in 0..1000 {
        let reward = if rng.chance(0.5) { 1.0 } else { 0.0 };
        let step = Experience { state: vec![1.0], allowed: vec![true; 2], action: 0, reward, next: None };
        agent.observe(&step).unwrap();
    }
    agent.train(3000);
    let quantiles = agent.return_quantiles(&[1.0], 0);
    assert_eq!(quantiles.len(), 16);
    assert!(quantiles[2] < 0.25 && quantiles[13] > 0.75, "{quantiles:?}");
    assert!((agent.action_values(&[1.0])[0] - 0.5).abs() < 0.12);
    let choice = agent.select(&[1.0], &[true, false]).unwrap();
    assert!(choice.lower < 0.25 && choice.lower < choice.value, "{choice:?}");
    assert_eq!(agent.return_quantiles(&[1.0], 2), [0.0; 0]);
}

/// Heads agree where there is experience and differ where there is none.
#[test]
fn heads_are_of_one_mind_only_about_what_they_saw() {
    let mut config = DqnConfig { heads: 8, ..small(2, 2) };
    config.rl.learning_rate = 3e-3;
    let mut agent = agent(&config, 4);
    let mut rng = Stream::root(3);
    for _ in 0..500 {
        let state = vec![rng.unit(), 0.0];
        agent
            .observe(&Experience { reward: state[0], state, allowed: vec![true; 2], action: 0, next: None })
            .unwrap();
    }
    agent.train(2000);
    let mut gap = |state: &[f64], arm: usize| {
        let allowed = [arm == 0, arm == 1];
        let choice = agent.select(state, &allowed).unwrap();
        choice.value - choice.lower
    };
    let known = gap(&[0.5, 0.0], 0);
    assert!(known < 0.1, "{known}");
    assert!(gap(&[0.5, 0.0], 1) > 2.0 * known);
}

/// An action never shown is worth less with the conservative term.
#[test]
fn the_conservative_term_distrusts_what_was_not_shown() {
    let value = |conservative| {
        let mut agent = agent(&DqnConfig { conservative, ..small(1, 3) }, 1);
        for i in 0..200 {
            let step = Experience {
                state: vec![1.0],
                allowed: vec![true; 3],
                action: i % 2,
                reward: 0.5,
                next: None,
            };
            agent.observe(&step).unwrap();
        }
        agent.train(1500);
        agent.action_values(&[1.0])
    };
    let (free, wary) = (value(0.0), value(0.5));
    assert!(wary[2] < wary[0] - 1.0 && wary[2] < free[2] - 0.5, "{free:?} {wary:?}");
}

#[cfg(feature = "candle")]
#[test]
fn the_engines_learn_alike() {
    let run = |engine| {
        let mut agent = agent(&DqnConfig { engine, ..small(2, 3) }, 6);
        let mut rng = Stream::root(1);
        for _ in 0..200 {
            let (state, action) = (vec![rng.unit(), rng.unit()], rng.below(3));
            let next = Some((vec![rng.unit(), rng.unit()], vec![true, true, false]));
            let reward = rng.unit();
            agent.observe(&Experience { state, allowed: vec![true; 3], action, reward, next }).unwrap();
            agent.break_off();
        }
        agent.train(20);
        agent.action_values(&[0.3, 0.7])
    };
    let (fused, candle) = (run(rl_selector::Engine::Fused), run(rl_selector::Engine::Candle));
    for (a, b) in fused.iter().zip(&candle) {
        assert!((a - b).abs() < 1e-5, "{fused:?} {candle:?}");
    }
}

/// Which action pays depends on the state, and the label of one is unknown.
#[test]
fn labels_are_fitted_and_unknown_ones_are_not_learnt_from() {
    for (heads, quantiles) in [(1, 1), (3, 1), (1, 4)] {
        let mut config = DqnConfig { heads, quantiles, ..small(2, 3) };
        config.rl.learning_rate = 3e-3;
        let mut agent = agent(&config, 2);
        let mut rng = Stream::root(4);
        let states: Vec<Vec<f64>> = (0..400).map(|_| vec![rng.unit() - 0.5, rng.unit()]).collect();
        let label = |s: &[f64]| vec![3.0 + s[1], 3.5 + 4.0 * s[0], f64::NAN];
        let values: Vec<Vec<f64>> = states.iter().map(|s| label(s)).collect();
        let loss = agent.fit(&states, &values, 3000).unwrap();
        assert!(loss < 0.1, "{loss}");
        assert!((agent.action_values(&[0.4, 0.5])[1] - 5.1).abs() < 0.3);
        assert!((agent.action_values(&[-0.4, 0.5])[0] - 3.5).abs() < 0.3);
        assert_eq!(agent.greedy(&[0.4, 0.5], &[true, true, false]), Some(1));
        assert_eq!(agent.greedy(&[-0.4, 0.5], &[true, true, false]), Some(0));
        assert!(agent.fit(&[], &[], 10).is_err());
        assert!(agent.fit(&[vec![0.0]], &[vec![0.0; 3]], 10).is_err());
        assert!(agent.fit(&[vec![0.0; 2]], &[vec![0.0]], 10).is_err());
    }
}
