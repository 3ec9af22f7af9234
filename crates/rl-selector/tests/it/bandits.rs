//! Bandits and the schedule: the laws of the contracts, and that each finds the better arm.

use meta_traits::conformance::{SelectorCheck, SnapshotCheck, check_selector, check_snapshot};
use meta_traits::{Selector, Snapshot, Stream};
use rl_selector::bandit::{
    AdaptivePursuit, AucRank, Bandit, DiscountedThompson, Exp3, LinUcb, Progress, Rule, SlidingWindowUcb,
};
use rl_selector::{Schedule, Scheduled};

pub(crate) fn contexts() -> Vec<Box<[f64]>> {
    vec![
        Box::new([0.1, 0.2, 0.3]),
        Box::new([f64::NAN, f64::INFINITY, -1e300]),
        Box::new([]),
        Box::new([0.5; 61]),
        Box::new([-1.0, 0.5, 0.0]),
    ]
}

/// Some decisions, some rewarded late, some never.
pub(crate) fn drive<S: Selector<Context = [f64]>>(selector: &mut S, arms: usize, step: u64) -> String {
    let mut rng = Stream::root(9).child("drive", step);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let allowed: Vec<bool> = (0..arms).map(|a| a == 1 || rng.chance(0.6)).collect();
        let Some(choice) = selector.select(&[rng.unit(), rng.unit()], &allowed) else { continue };
        seen.push(choice);
        if rng.chance(0.8) {
            let next = [rng.unit()];
            let told = selector.reward(choice.id, rng.unit(), (!rng.chance(0.1)).then_some(&next[..]));
            assert!(told.is_ok());
        }
    }
    format!("{seen:?}")
}

fn laws<R: Rule>(rule: &R) {
    for arms in [1, 2, 4, 20] {
        let make = |seed| Bandit::new(rule.clone(), arms, Stream::root(seed));
        check_selector(&SelectorCheck::new(make, arms, contexts()));
    }
    let make = |seed| Bandit::new(rule.clone(), 4, Stream::root(seed));
    check_snapshot(&SnapshotCheck::new(make, |bandit, step| drive(bandit, 4, step)).steps(12));
    let mut other = Bandit::new(rule.clone(), 3, Stream::root(1));
    assert!(other.restore(make(2).snapshot()).is_err());
}

#[test]
fn every_rule_keeps_the_laws() {
    laws(&SlidingWindowUcb::default());
    laws(&AucRank::default());
    laws(&DiscountedThompson::default());
    laws(&Exp3::default());
    laws(&AdaptivePursuit::default());
    laws(&LinUcb::new(3, 0.5, 1.0));
    laws(&Progress::default());
}

/// The share of the last decisions of 400 that go to the better of two arms, which change places at 200; over ten runs.
fn share_of_better<R: Rule>(rule: &R) -> f64 {
    let mut good = 0;
    for seed in 0..10 {
        let mut bandit = Bandit::new(rule.clone(), 2, Stream::root(seed));
        let mut rng = Stream::root(seed).child("rewards", 0);
        for step in 0..400 {
            let better = usize::from(step < 200);
            let choice = bandit.select(&[], &[true, true]).unwrap();
            let mean = if choice.arm == better { 0.8 } else { 0.2 };
            bandit.reward(choice.id, f64::from(u8::from(rng.chance(mean))), Some(&[])).unwrap();
            good += u32::from(step >= 240 && choice.arm == better);
        }
    }
    f64::from(good) / 1600.0
}

#[test]
fn rules_for_drifting_rewards_follow_the_change() {
    assert!(share_of_better(&SlidingWindowUcb::default()) > 0.6);
    assert!(share_of_better(&DiscountedThompson::default()) > 0.7);
    assert!(share_of_better(&AdaptivePursuit::default()) > 0.7);
    assert!(share_of_better(&AucRank::new(50, 0.5, 0.5)) > 0.5);
    assert!(share_of_better(&Progress::default()) > 0.6);
}

#[test]
fn contexts_decide_under_a_linear_rule() {
    let mut bandit = Bandit::new(LinUcb::new(1, 0.3, 1.0), 2, Stream::root(3));
    let mut rng = Stream::root(5);
    let mut good = 0;
    for step in 0..300 {
        let x = f64::from(u8::from(rng.chance(0.5)));
        let choice = bandit.select(&[x], &[true, true]).unwrap();
        let right = (choice.arm == 1) == (x > 0.5);
        bandit.reward(choice.id, if right { 0.7 } else { 0.3 }, Some(&[x])).unwrap();
        good += usize::from(step >= 200 && right);
    }
    assert!(good > 90, "{good}");
}

#[test]
fn a_schedule_keeps_the_laws_and_begins_anew() {
    let schedule = Schedule::new(vec![2, 2, 0, 1]);
    for arms in [1, 3, 5] {
        check_selector(&SelectorCheck::new(|_| Scheduled::new(schedule.clone()), arms, contexts()));
    }
    let make = |_| Scheduled::new(schedule.clone());
    check_snapshot(&SnapshotCheck::new(make, |s, step| drive(s, 4, step)).steps(12));
    let mut run = Scheduled::new(schedule);
    for _ in 0..2 {
        for (block, expected) in [2, 2, 0, 1, 1].into_iter().enumerate() {
            let choice = run.select(&[], &[true; 3]).unwrap();
            assert_eq!(choice.arm, expected);
            run.reward(choice.id, 0.0, (block < 4).then_some(&[])).unwrap();
        }
    }
}
