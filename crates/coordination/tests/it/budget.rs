use coordination::Component::{self, Hyperopt, Prompt, Selector, Topology};
use coordination::budget::{Allocation, OptimizationMode, Purse, PurseError, Shares, Strategy};
use meta_traits::conformance::{SnapshotCheck, check_snapshot};
use meta_traits::{Budget, Cost, Snapshot, Stream, Unit};
use proptest::prelude::*;

const STRATEGIES: [Strategy; 4] =
    [Strategy::Fixed, Strategy::Dynamic, Strategy::Adaptive, Strategy::Priority];

fn calls(n: u64) -> Cost {
    Cost::evaluations(n)
}

/// Spends all of a budget of 1,000, always by whoever is due; `gain` is what a unit brings.
fn spend(mut allocation: Allocation, gain: impl Fn(Component) -> f64) -> Allocation {
    let mut left = 1000;
    let mut rng = Stream::root(5);
    while left > 0 {
        let Some(component) = allocation.next(&Component::ALL) else { break };
        let cap = (1 + rng.below(9) as u64).min(left);
        if allocation.reserve(component, cap).is_err() {
            break;
        }
        let used = 1 + rng.below(cap as usize) as u64;
        allocation.settle(component, cap, used);
        allocation.reward(component, used, gain(component) * used as f64);
        left -= used;
    }
    allocation
}

/// Each mode's shares are what is spent: to a point with `fixed`, and more or less of it with the others.
#[test]
fn the_five_modes_govern_spending() {
    for mode in OptimizationMode::ALL {
        let allocation = Allocation::new(Some(1000), mode.shares(), Strategy::Fixed);
        let spent = spend(allocation, |c| if c == Prompt { 100.0 } else { 1.0 });
        let total: u64 = Component::ALL.into_iter().map(|c| spent.spent(c)).sum();
        assert!(total > 980, "{mode:?} spends {total}");
        for component in Component::ALL {
            let (share, meant) = (spent.share(component), mode.shares().of(component));
            assert!((share - meant).abs() < 0.02, "{mode:?} {component}: {share} for {meant}");
        }
    }
}

#[test]
fn strategies_move_spending_to_where_it_pays_and_not_too_far() {
    let base = OptimizationMode::Balanced.shares();
    for strategy in STRATEGIES {
        let allocation = Allocation::new(Some(1000), base, strategy).with_priorities([1.0, 1.0, 1.0, 9.0]);
        let spent = spend(allocation, |c| if c == Prompt { 1.0 } else { 0.1 });
        let moved = spent.spent(Prompt) as f64 / 1000.0 - base.of(Prompt);
        if strategy == Strategy::Fixed {
            assert!(moved.abs() < 0.02, "{moved}");
        } else {
            assert!(0.08 < moved && moved <= 0.15 + 1e-9, "{strategy:?} moves it by {moved}");
        }
        for component in Component::ALL {
            assert!((spent.intended(component) - base.of(component)).abs() <= 0.15 + 1e-9);
        }
    }
}

#[test]
fn a_component_cannot_spend_beyond_its_part_even_when_alone() {
    for (strategy, most) in [(Strategy::Fixed, 200), (Strategy::Dynamic, 300), (Strategy::Adaptive, 300)] {
        let mut allocation = Allocation::new(Some(1000), OptimizationMode::Balanced.shares(), strategy);
        for _ in 0..1000 {
            if allocation.reserve(Prompt, 1).is_ok() {
                allocation.settle(Prompt, 1, 1);
                allocation.reward(Prompt, 1, 1.0);
            }
        }
        assert!(allocation.spent(Prompt) <= most, "{strategy:?}: {}", allocation.spent(Prompt));
        assert!(allocation.spent(Prompt) >= 190, "{strategy:?}: {}", allocation.spent(Prompt));
    }
    let mut allocation = Allocation::new(Some(100), Shares::EQUAL, Strategy::Fixed);
    assert_eq!(Component::ALL.map(|c| allocation.ceiling(c)), [Some(30); 4]);
    allocation.reserve(Selector, 20).unwrap();
    let error = allocation.reserve(Selector, 11).unwrap_err();
    assert_eq!(
        error.to_string(),
        "coordination: selector asks for 11 and has 10 left of its part of the budget; \
         ask for less, or let others spend"
    );
    allocation.reserve(Selector, 10).unwrap();
}

#[test]
fn those_that_remain_take_over_what_a_retired_one_does_not_spend() {
    let mut allocation = Allocation::new(Some(1000), OptimizationMode::Exploration.shares(), Strategy::Fixed);
    allocation.retire(Topology);
    assert_eq!(allocation.next(&[Topology]), None);
    let spent = spend(allocation, |_| 0.0);
    assert_eq!(spent.spent(Topology), 0);
    for (component, share) in [(Selector, 0.5), (Hyperopt, 1.0 / 3.0), (Prompt, 1.0 / 6.0)] {
        assert!((spent.share(component) - share).abs() < 0.02, "{component}");
    }
}

#[test]
fn without_a_limit_only_the_turn_is_governed() {
    let mut allocation = Allocation::new(None, OptimizationMode::Aggressive.shares(), Strategy::Fixed);
    for _ in 0..1000 {
        let component = allocation.next(&Component::ALL).unwrap();
        allocation.reserve(component, 1).unwrap();
        allocation.settle(component, 1, 1);
    }
    assert_eq!(Component::ALL.map(|c| allocation.spent(c)), [250, 350, 250, 150]);
    assert_eq!(allocation.ceiling(Prompt), None);
    allocation.reserve(Prompt, u64::MAX).unwrap();
    allocation.settle(Prompt, u64::MAX, u64::MAX);
    assert_ne!(allocation.next(&Component::ALL), Some(Prompt));
    assert_eq!(allocation.next(&[]), None);
}

#[test]
fn a_purse_refuses_by_the_run_and_by_the_part_and_keeps_neither_reservation() {
    let mut purse = Purse::new(Budget::calls(100), Unit::Evaluations, Shares::EQUAL, Strategy::Fixed);
    assert!(matches!(purse.reserve(Prompt, calls(101)), Err(PurseError::Exhausted(_))));
    assert!(matches!(purse.reserve(Prompt, calls(31)), Err(PurseError::OverShare(_))));
    assert_eq!((purse.reserved(), purse.left(Unit::Evaluations)), (Cost::ZERO, Some(100)));
    let hold = purse.reserve(Prompt, calls(30)).unwrap();
    assert_eq!((hold.component(), hold.reserved()), (Prompt, calls(30)));
    purse.refund(hold);
    assert_eq!((purse.spent(), purse.allocation().spent(Prompt)), (Cost::ZERO, 0));
    let hold = purse.reserve(Prompt, calls(30)).unwrap();
    purse.settle_unknown(hold);
    assert_eq!((purse.spent(), purse.allocation().spent(Prompt)), (calls(30), 30));
    let hold = purse.reserve(Selector, calls(5)).unwrap();
    assert_eq!(purse.settle(hold, calls(7)), calls(2), "what goes beyond a cap is told");
    assert!((purse.share_left() - 0.63).abs() < 1e-12);
}

#[test]
fn it_ends_with_the_first_unit_of_which_nothing_is_left() {
    let budget = Budget::calls(10).and(Budget::tokens(1000)).and(Budget::usd(0.0));
    let purse = Purse::new(budget, Unit::Tokens, Shares::EQUAL, Strategy::Fixed);
    assert_eq!((purse.ended(), purse.share_left()), (Some(Unit::NanoUsd), 0.0));
    let budget = Budget::calls(10).and(Budget::tokens(1000));
    let mut purse = Purse::new(budget, Unit::Tokens, Shares::EQUAL, Strategy::Fixed);
    let hold = purse.reserve(Topology, Cost::tokens(1, 100, 100) + calls(10)).unwrap();
    assert_eq!((purse.ended(), purse.left(Unit::Evaluations)), (None, Some(0)), "it may yet be refunded");
    purse.settle(hold, calls(10));
    assert_eq!(purse.ended(), Some(Unit::Evaluations));
    let all = Purse::new(Budget::UNLIMITED, Unit::Tokens, Shares::EQUAL, Strategy::Fixed);
    assert_eq!((all.ended(), all.share_left()), (None, 1.0));
}

#[test]
fn what_was_open_when_saved_counts_as_spent() {
    let mut purse = Purse::new(Budget::calls(100), Unit::Evaluations, Shares::EQUAL, Strategy::Fixed);
    let _lost = purse.reserve(Prompt, calls(20)).unwrap();
    let mut next = Purse::new(Budget::UNLIMITED, Unit::Tokens, Shares::EQUAL, Strategy::Dynamic);
    next.restore(purse.snapshot()).unwrap();
    assert_eq!((next.spent(), next.reserved()), (calls(20), Cost::ZERO));
    assert_eq!((next.allocation().spent(Prompt), next.left(Unit::Evaluations)), (20, Some(80)));
}

#[test]
fn the_laws_of_snapshots_hold() {
    let new = |_| {
        let shares = OptimizationMode::Aggressive.shares();
        Purse::new(Budget::calls(500), Unit::Evaluations, shares, Strategy::Adaptive)
    };
    let step = |purse: &mut Purse, i: u64| {
        let component = purse.allocation().next(&Component::ALL).unwrap();
        match purse.reserve(component, calls(9)) {
            Ok(hold) => {
                purse.settle_with_gain(hold, calls(i % 9), i as f64);
            }
            Err(error) => return error.to_string(),
        }
        format!("{component} {:?}", Component::ALL.map(|c| purse.allocation().intended(c)))
    };
    check_snapshot(&SnapshotCheck::new(new, step).steps(80));
}

/// One turn: who, cap, what was used of it in 1/255, and how it ends.
type Turn = (usize, u64, u8, u8);

proptest! {
    #[test]
    fn every_limit_holds_under_any_order(
        limit in 0..200_u64,
        strategy in 0..4_usize,
        mode in 0..5_usize,
        turns in proptest::collection::vec((0..4_usize, 0..40_u64, any::<u8>(), 0..4_u8), 1..80),
    ) {
        let turns: Vec<Turn> = turns;
        let base = OptimizationMode::ALL[mode].shares();
        let strategy = STRATEGIES[strategy];
        let mut purse = Purse::new(Budget::calls(limit), Unit::Evaluations, base, strategy);
        let (mut open, mut spent) = (Vec::new(), [0_u64; 4]);
        for (who, cap, part, end) in turns {
            let component = Component::ALL[who];
            if let Ok(hold) = purse.reserve(component, calls(cap)) {
                open.push((hold, cap * u64::from(part) / 255));
            }
            if end > 0 && !open.is_empty() {
                let (hold, used) = open.swap_remove(usize::from(part) % open.len());
                let at = hold.component() as usize;
                match end {
                    1 => {
                        spent[at] += used;
                        purse.settle_with_gain(hold, calls(used), f64::from(part));
                    }
                    2 => {
                        spent[at] += hold.reserved().evaluations;
                        purse.settle_unknown(hold);
                    }
                    _ => purse.refund(hold),
                }
            }
            let reserved: u64 = open.iter().map(|(hold, _)| hold.reserved().evaluations).sum();
            let total: u64 = spent.iter().sum();
            prop_assert_eq!(purse.spent(), calls(total));
            prop_assert_eq!(purse.reserved(), calls(reserved));
            prop_assert!(total + reserved <= limit);
            let points = if strategy == Strategy::Fixed { 0.05 } else { 0.15 };
            for component in Component::ALL {
                let most = (base.of(component) + points) * limit as f64 + 1e-3;
                prop_assert!(purse.allocation().spent(component) as f64 <= most);
                prop_assert_eq!(purse.allocation().spent(component), spent[component as usize]);
            }
        }
    }
}
