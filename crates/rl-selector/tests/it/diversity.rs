//! Regularised choices: the laws hold around any selector, and a settled one is unsettled.

use meta_traits::conformance::{SelectorCheck, SnapshotCheck, check_selector, check_snapshot};
use meta_traits::{Selector as _, Stream};
use rl_selector::bandit::{AdaptivePursuit, Bandit, Progress};
use rl_selector::simulator::across_problems;
use rl_selector::{Diverse, Schedule, Scheduled};

use crate::bandits::{contexts, drive};
use crate::simulator::telling;

fn diverse(seed: u64, strength: f64) -> Diverse<Bandit<AdaptivePursuit>> {
    let bandit = Bandit::new(AdaptivePursuit::default(), 4, Stream::root(seed));
    let mut selector = Diverse::new(bandit, 10, 0.7, Stream::root(seed + 100));
    selector.set_strength(strength);
    selector
}

#[test]
fn the_laws_hold() {
    check_selector(&SelectorCheck::new(|seed| diverse(seed, 0.5), 4, contexts()));
    let step = |selector: &mut _, step| drive(selector, 4, step);
    check_snapshot(&SnapshotCheck::new(|seed| diverse(seed, 0.5), step).steps(12));
}

#[test]
fn the_more_strength_the_more_even_the_choices() {
    let entropy = |strength: f64| {
        let mut selector =
            Diverse::new(Scheduled::new(Schedule::new(vec![2; 400])), 12, 0.6, Stream::root(1));
        selector.set_strength(strength);
        let mut sum = 0.0;
        for _ in 0..400 {
            let choice = selector.select(&[], &[true; 4]).unwrap();
            selector.reward(choice.id, 1.0, Some(&[])).unwrap();
            sum += selector.entropy();
        }
        sum / 400.0
    };
    let even = [0.0, 0.1, 0.5, 1.0].map(entropy);
    assert!(even[0] < 1e-12 && even.windows(2).all(|w| w[0] < w[1]), "{even:?}");
    assert!(even[3] > 0.4, "{even:?}");
}

#[test]
fn what_is_not_a_number_changes_nothing() {
    let mut selector = diverse(1, f64::NAN);
    selector.set_strength(f64::NAN);
    assert!(selector.select(&[], &[false; 4]).is_none());
    assert!(selector.select(&[], &[true; 4]).is_some());
}

#[test]
fn a_selector_is_judged_on_problems_it_has_not_seen() {
    let replay = telling(24, 1);
    let schedule = |known: &[usize], _: usize| Scheduled::new(Schedule::greedy(&replay, known));
    let scheduled = across_problems(&replay, 4, schedule);
    let bandit = |_: &[usize], case: usize| Bandit::new(Progress::default(), 3, Stream::root(case as u64));
    let alone = across_problems(&replay, 4, bandit);
    assert_eq!(scheduled.len(), 12);
    let mean = |scores: &std::collections::BTreeMap<String, f64>| scores.values().sum::<f64>() / 12.0;
    assert!(mean(&alone) < mean(&scheduled), "{alone:?} {scheduled:?}");
}
