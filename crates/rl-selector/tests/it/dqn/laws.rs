//! The laws of the contracts.

use meta_traits::conformance::{SelectorCheck, SnapshotCheck, check_selector, check_snapshot};
use meta_traits::{Choice, Selector, Stream};
use rl_selector::{DoubleDqn, DqnConfig};

use super::{agent, small};

fn contexts() -> Vec<Box<[f64]>> {
    vec![
        Box::new([0.1, 0.2, 0.3]),
        Box::new([f64::NAN, f64::INFINITY, -1e300]),
        Box::new([]),
        Box::new([0.0; 7]),
        Box::new([-1.0, 0.5, 0.0]),
    ]
}

#[test]
fn selectors_of_every_kind_keep_the_laws() {
    let plain = small(3, 5);
    let many = DqnConfig { heads: 4, quantiles: 3, conservative: 0.5, ..small(3, 5) };
    let mut dueling = small(3, 5);
    (dueling.rl.dueling_network, dueling.rl.prioritized_replay, dueling.rl.double_q_learning) =
        (true, false, false);
    for config in [plain, many, dueling, small(3, 20), small(3, 2)] {
        let arms = config.rl.action_dim;
        check_selector(&SelectorCheck::new(|seed| agent(&config, seed), arms, contexts()).steps(300));
    }
}

/// Ten decisions a step, some rewarded late, some never.
fn drive(agent: &mut DoubleDqn, step: u64) -> String {
    let mut rng = Stream::root(9).child("drive", step);
    let mut seen: Vec<Choice> = Vec::new();
    for _ in 0..10 {
        let state = [rng.unit(), rng.unit(), rng.unit()];
        let allowed: Vec<bool> = (0..4).map(|a| a == 1 || rng.chance(0.6)).collect();
        let Some(choice) = agent.select(&state, &allowed) else { continue };
        seen.push(choice);
        let next = [rng.unit(), rng.unit(), rng.unit()];
        if rng.chance(0.95) {
            let told = agent.reward(choice.id, rng.unit(), (!rng.chance(0.1)).then_some(&next[..]));
            assert!(told.is_ok());
        }
    }
    format!("{seen:?} {:?}", agent.metrics())
}

#[test]
fn snapshots_keep_the_laws() {
    let config = DqnConfig { heads: 2, quantiles: 2, ..small(3, 4) };
    check_snapshot(&SnapshotCheck::new(|seed| agent(&config, seed), drive).steps(24));
}
