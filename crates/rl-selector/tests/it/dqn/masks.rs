//! Masks, and all that can be odd about a decision.

use meta_traits::{ChoiceId, Selector, Stream, TellError};
use rl_selector::{DqnConfig, Experience};

use super::{agent, small};

/// How many decisions; more by `METAORCH_SOAK_N`.
#[expect(clippy::disallowed_methods, reason = "the length of a soak comes from outside")]
fn decisions() -> u64 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

#[test]
fn masked_arms_are_never_chosen() {
    let n = decisions();
    let mut config = DqnConfig { heads: 3, ..small(4, 7) };
    config.rl.update_frequency = 16;
    let mut agent = agent(&config, 1);
    let mut rng = Stream::root(2);
    let mut counts = [0_u64; 7];
    for step in 0..n {
        agent.set_training_mode(step % 5 != 0);
        let state: Vec<f64> = (0..4).map(|_| rng.unit() - 0.5).collect();
        let share = rng.unit();
        let allowed: Vec<bool> = (0..7).map(|_| rng.chance(share)).collect();
        let choice = agent.select(&state, &allowed);
        assert_eq!(choice.is_some(), allowed.contains(&true));
        let Some(choice) = choice else { continue };
        assert!(allowed[choice.arm], "decision {step}: arm {} under {allowed:?}", choice.arm);
        assert_eq!(agent.greedy(&state, &allowed).map(|arm| allowed[arm]), Some(true));
        counts[choice.arm] += 1;
        let next: Vec<f64> = (0..4).map(|_| rng.unit() - 0.5).collect();
        agent.reward(choice.id, rng.unit(), (step % 9 != 0).then_some(&next[..])).unwrap();
    }
    assert!(counts.iter().all(|c| *c > n / 100), "{counts:?}");
    assert!(agent.metrics().updates > 0);
}

#[test]
fn a_mask_of_no_arm_or_of_another_length() {
    let mut agent = agent(&small(2, 4), 0);
    assert_eq!(agent.select(&[0.0, 0.0], &[false; 4]), None);
    assert_eq!(agent.select(&[0.0, 0.0], &[]), None);
    assert_eq!(agent.select(&[0.0, 0.0], &[false, false, false, false, true]), None);
    for _ in 0..20 {
        assert_eq!(agent.select(&[0.0, 0.0], &[false, true]).map(|c| c.arm), Some(1));
    }
    assert_eq!(agent.greedy(&[0.0, 0.0], &[false; 4]), None);
}

#[test]
fn rewards_that_are_no_numbers_leave_no_trace_in_the_experience() {
    let mut agent = agent(&small(1, 2), 0);
    for reward in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let choice = agent.select(&[0.5], &[true, true]).unwrap();
        agent.reward(choice.id, reward, Some(&[0.6])).unwrap();
        assert_eq!(agent.reward(choice.id, 1.0, None), Err(TellError::UnknownChoice(choice.id.0)));
    }
    let metrics = agent.metrics();
    assert_eq!((metrics.experience, metrics.baseline, metrics.decisions), (0, 0.0, 3));
    assert!(agent.reward(ChoiceId(99), 1.0, None).is_err());
    assert_eq!(agent.train(5), None, "there is nothing to learn from");
    let choice = agent.select(&[0.5], &[true, true]).unwrap();
    agent.reward(choice.id, 1e300, None).unwrap();
    assert_eq!(agent.metrics().experience, 1);
    assert!(agent.train(50).is_some_and(f64::is_finite));
    assert!(agent.action_values(&[0.5]).iter().all(|v| v.is_finite()));
}

/// The value of a masked next action must not enter a target: it would be 100 times too large here.
#[test]
fn targets_ignore_what_is_masked() {
    let mut config = DqnConfig { n_step: 1, ..small(2, 2) };
    (config.rl.gamma, config.rl.tau, config.rl.learning_rate) = (0.9, 0.05, 3e-3);
    let mut agent = agent(&config, 3);
    let (first, second) = (vec![1.0, 0.0], vec![0.0, 1.0]);
    let step = |state: &[f64], action, reward, next| Experience {
        state: state.to_vec(),
        allowed: vec![true, true],
        action,
        reward,
        next,
    };
    for _ in 0..30 {
        agent.observe(&step(&first, 0, 0.0, Some((second.clone(), vec![true, false])))).unwrap();
        agent.break_off();
        agent.observe(&step(&second, 0, 1.0, None)).unwrap();
        agent.observe(&step(&second, 1, 10.0, None)).unwrap();
    }
    agent.train(3000);
    let value = agent.action_values(&first)[0];
    assert!((value - 0.9).abs() < 0.05, "{value}");
    assert!((agent.action_values(&second)[1] - 10.0).abs() < 0.05);
}

#[test]
fn experience_of_another_form_is_refused() {
    let mut agent = agent(&small(2, 2), 0);
    let good = Experience { state: vec![0.0; 2], allowed: vec![true; 2], action: 0, reward: 0.0, next: None };
    assert!(agent.observe(&good).is_ok());
    for bad in [
        Experience { state: vec![0.0; 3], ..good.clone() },
        Experience { action: 2, ..good.clone() },
        Experience { reward: f64::NAN, ..good.clone() },
        Experience { next: Some((vec![], vec![])), ..good },
    ] {
        assert!(agent.observe(&bad).unwrap_err().to_string().starts_with("rl: experience does not fit: "));
    }
    assert_eq!(agent.metrics().experience, 1);
}
