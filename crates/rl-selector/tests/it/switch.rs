//! The safe switch: the laws of the contracts, that it acts where learning helps and holds back where it does not.

use meta_traits::conformance::{SelectorCheck, SnapshotCheck, check_selector, check_snapshot};
use meta_traits::{Level, Selector as _, Stream};
use rl_selector::bandit::{Bandit, Progress, SlidingWindowUcb};
use rl_selector::simulator::{Episode, Replay, Simulation as _};
use rl_selector::{DqnConfig, ForestConfig, History, RLConfig, SafePolicy, SafeSwitch, SafetyConfig, Why};

use crate::bandits::{contexts, drive};
use crate::simulator::telling;

fn bandit(seed: u64) -> Bandit<SlidingWindowUcb> {
    Bandit::new(SlidingWindowUcb::default(), 3, Stream::root(seed))
}

fn policy(replay: &Replay) -> SafePolicy {
    let cases: Vec<usize> = (0..replay.cases().len()).collect();
    let forest = ForestConfig { leaf: 4, ..ForestConfig::default() };
    let config = SafetyConfig { forest, alpha: 0.4, held_out: 3, ..SafetyConfig::default() };
    SafePolicy::train(replay, &cases, &bandit(1), &config, &Stream::root(8)).unwrap()
}

#[test]
fn the_switch_keeps_the_laws_with_and_without_a_policy() {
    let replay = telling(48, 1);
    let policy = policy(&replay);
    let mut seen = contexts();
    for case in 0..4 {
        let mut episode = Episode::new(&replay, case);
        for arm in [0, 1, 2, 0] {
            episode.step(arm);
            seen.push(episode.history().features().into_boxed_slice());
        }
    }
    for policy in [None, Some(&policy)] {
        let make = |seed| SafeSwitch::new(bandit(seed), policy);
        check_selector(&SelectorCheck::new(make, 3, seen.clone()));
        let step = |switch: &mut SafeSwitch<'_, SlidingWindowUcb>, step| {
            format!("{} {:?} {:?}", drive(switch, 3, step), switch.why(), switch.interval())
        };
        check_snapshot(&SnapshotCheck::new(make, step).steps(10));
    }
}

#[test]
fn it_acts_where_it_learnt_and_says_why() {
    let (train, test) = (telling(96, 1), telling(24, 2));
    let policy = policy(&train);
    let validation = policy.validation();
    assert!(policy.proven(), "{validation:?}");
    let (mut own, mut alone, mut acted) = (0.0, 0.0, 0);
    for case in 0..24 {
        let mut switch = SafeSwitch::new(bandit(2), Some(&policy));
        let played = test.play(case, &mut switch);
        own += played.score;
        alone += test.play(case, &mut bandit(2)).score;
        let mut switch = SafeSwitch::new(bandit(2), Some(&policy));
        let choice = switch.select(&History::new(3, 60).features(), &[true; 3]).unwrap();
        let better = matches!(switch.why(), Some(Why::Better { lower }) if *lower > 0.0);
        assert_eq!(choice.level != Level::Bandit, better, "{:?}", switch.why());
        acted += usize::from(better);
    }
    assert!(own <= alone + 1e-9, "{own} {alone} {acted}");
}

#[test]
fn strange_states_are_left_to_the_bandit() {
    let policy = policy(&telling(48, 1));
    let mut switch = SafeSwitch::new(bandit(1), Some(&policy));
    let strange = vec![40.0; History::width(3)];
    for context in [&strange[..], &[0.0; 2], &[]] {
        let choice = switch.select(context, &[true; 3]).unwrap();
        assert_eq!(choice.level, Level::Bandit);
        assert!(matches!(switch.why(), Some(Why::Unknown { .. } | Why::Unproven)), "{:?}", switch.why());
        assert!(switch.why().is_some_and(|why| !why.to_string().contains('\n')));
    }
    let other = Bandit::new(Progress::default(), 5, Stream::root(1));
    let mut switch = SafeSwitch::new(other, Some(&policy));
    switch.select(&[], &[true; 5]).unwrap();
    assert_eq!(switch.why(), Some(&Why::NothingLearnt));
}

#[test]
fn a_network_and_a_linear_head_on_its_trunk_are_levels_of_their_own() {
    let (train, test) = (telling(48, 1), telling(12, 2));
    let rl = RLConfig { hidden_dims: vec![32, 32], learning_rate: 3e-3, ..RLConfig::default() };
    let forest = ForestConfig { leaf: 4, trees: 4, ..ForestConfig::default() };
    let network = Some(DqnConfig { rl, heads: 3, ..DqnConfig::default() });
    let config = SafetyConfig { forest, network, alpha: 0.4, steps: 3000, ..SafetyConfig::default() };
    let cases: Vec<usize> = (0..48).collect();
    let policy = SafePolicy::train(&train, &cases, &bandit(1), &config, &Stream::root(8)).unwrap();
    let validation = policy.validation();
    for score in [validation.linear, validation.network] {
        assert!(score.is_some_and(|score| score < validation.schedule), "{validation:?}");
    }
    let copy: SafePolicy = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
    let play = |policy: &SafePolicy| {
        let mut switch = SafeSwitch::new(bandit(2), Some(policy));
        (0..12).map(|case| test.play(case, &mut switch).arms).collect::<Vec<_>>()
    };
    assert_eq!(play(&copy), play(&policy));
}
