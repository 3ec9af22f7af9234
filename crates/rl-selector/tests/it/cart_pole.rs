//! The port against Gymnasium's own trajectory (`tests/golden/cart_pole.py`).

use meta_traits::Stream;
use rl_selector::env::{CartPole, Environment, Status};
use serde_json::Value;

#[test]
fn every_state_is_gymnasiums() {
    let golden: Value = serde_json::from_str(include_str!("../golden/cart_pole.json")).unwrap();
    let number = |v: &Value| v.as_f64().unwrap();
    let four = |v: &Value| -> [f64; 4] { std::array::from_fn(|i| number(&v[i])) };
    let mut checked = 0;
    for episode in golden["episodes"].as_array().unwrap() {
        let mut world = CartPole::starting_in(four(&episode["start"]));
        for expected in episode["steps"].as_array().unwrap() {
            let step = world.step(expected["action"].as_u64().unwrap() as usize, &mut Stream::root(0));
            for (found, expected) in world.state().iter().zip(four(&expected["state"])) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
            assert!((step.reward - number(&expected["reward"])).abs() < f64::EPSILON);
            assert_eq!(step.status == Status::Terminated, expected["done"].as_bool().unwrap());
            checked += 1;
        }
    }
    assert_eq!(checked, 95);
}

#[test]
fn an_episode_is_cut_off_after_500_steps() {
    let mut world = CartPole::new();
    let mut rng = Stream::root(0);
    // Leaning against the fall keeps the pole up.
    let lean = |s: &[f64]| usize::from(s[2] + 0.5 * s[3] + 0.05 * s[1] + 0.02 * s[0] > 0.0);
    for step in 1..=500 {
        let action = lean(world.state());
        let status = world.step(action, &mut rng).status;
        assert_eq!(status, if step == 500 { Status::Truncated } else { Status::Running }, "{step}");
    }
}
