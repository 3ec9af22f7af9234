use std::time::Duration;

use meta_traits::{Budget, Cost, Lease, Meter, Unit};
use proptest::prelude::*;

/// One call on a meter; numbers choose among the leases that are open.
#[derive(Clone, Debug)]
enum Call {
    Reserve(Cost),
    /// Commits a lease with this share of it used, in 1/255.
    Commit(usize, u8),
    Refund(usize),
    /// Loses a lease: it stays reserved for ever.
    Lose(usize),
    Record(Cost),
}

fn cost(most: u64) -> impl Strategy<Value = Cost> {
    (0..=most, 0..=most, 0..=most, 0..=most, 0..=most, 0..=most).prop_map(|(e, c, i, o, n, w)| {
        let metric_calls = Cost::evaluations(e);
        metric_calls + Cost::tokens(c, i, o).with_nano_usd(n).with_wall(Duration::from_nanos(w))
    })
}

fn call(most: u64) -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => cost(most).prop_map(Call::Reserve),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(i, share)| Call::Commit(i, share)),
        2 => any::<usize>().prop_map(Call::Refund),
        1 => any::<usize>().prop_map(Call::Lose),
    ]
}

/// Each unit limited or not, limits of the size of a few reservations.
fn budget(most: u64) -> impl Strategy<Value = Budget> {
    let limit = move || proptest::option::of(0..=most);
    (limit(), limit(), limit(), limit(), limit()).prop_map(|(e, c, t, n, w)| {
        let mut budget = Budget::UNLIMITED;
        budget.evaluations = e;
        budget.model_calls = c;
        budget.tokens = t;
        budget.nano_usd = n;
        budget.wall = w.map(Duration::from_nanos);
        budget
    })
}

/// `share`/255 of each unit.
fn part(cost: Cost, share: u8) -> Cost {
    let of = |n: u64| (u128::from(n) * u128::from(share) / 255) as u64;
    let mut part = Cost::tokens(of(cost.calls), of(cost.tokens_in), of(cost.tokens_out));
    part.evaluations = of(cost.evaluations);
    part.with_nano_usd(of(cost.nano_usd)).with_wall(Duration::from_nanos(of(cost.wall.as_nanos() as u64)))
}

/// Plays the calls against a model that keeps every lease and every spending apart.
fn play(budget: Budget, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut meter = Meter::new(budget);
    let mut open: Vec<Lease> = Vec::new();
    let (mut lost, mut spent) = (Cost::ZERO, Cost::ZERO);
    for call in calls {
        match call {
            Call::Reserve(cap) => {
                let fits = Unit::ALL.iter().all(|u| meter.left(*u).is_none_or(|left| cap.of(*u) <= left));
                match meter.reserve(*cap) {
                    Ok(lease) => {
                        prop_assert!(fits, "granted beyond what is left");
                        prop_assert_eq!(lease.reserved(), *cap);
                        open.push(lease);
                    }
                    Err(short) => {
                        prop_assert!(!fits, "refused though it fits: {}", short);
                        prop_assert_eq!(short.asked, cap.of(short.unit));
                        prop_assert_eq!(Some(short.left), meter.left(short.unit));
                        prop_assert!(short.asked > short.left);
                    }
                }
            }
            Call::Commit(index, share) if !open.is_empty() => {
                let lease = open.swap_remove(index % open.len());
                let used = part(lease.reserved(), *share);
                spent += used;
                prop_assert_eq!(meter.commit(lease, used), Cost::ZERO, "no overrun within the lease");
            }
            Call::Refund(index) if !open.is_empty() => meter.refund(open.swap_remove(index % open.len())),
            Call::Lose(index) if !open.is_empty() => lost += open.swap_remove(index % open.len()).reserved(),
            Call::Record(used) => {
                spent += *used;
                meter.record(*used);
            }
            _ => {}
        }
        let held = lost + open.iter().map(Lease::reserved).sum();
        prop_assert_eq!(meter.committed(), spent, "committed is the exact sum of what was used");
        prop_assert_eq!(meter.reserved(), held, "reserved is the exact sum of the leases that are out");
        for unit in Unit::ALL {
            let used = (spent + held).of(unit);
            if let Some(limit) = meter.budget().limit(unit) {
                prop_assert!(used <= limit, "{}: {} of {}", unit.name(), used, limit);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn committed_and_reserved_stay_within_every_limit(
        budget in budget(400),
        calls in proptest::collection::vec(call(100), 0..120),
    ) {
        play(budget, &calls)?;
    }

    #[test]
    fn sums_stay_exact_with_spending_of_the_past(
        past in cost(1000),
        calls in proptest::collection::vec(call(1_000_000), 0..60),
    ) {
        let mut all = vec![Call::Record(past)];
        all.extend(calls);
        play(Budget::UNLIMITED, &all)?;
    }

    #[test]
    fn sums_do_not_depend_on_order(costs in proptest::collection::vec(cost(u64::MAX / 4), 0..8), turn in 0_usize..8) {
        let mut turned = costs.clone();
        turned.rotate_left(if costs.is_empty() { 0 } else { turn % costs.len() });
        turned.reverse();
        prop_assert_eq!(costs.into_iter().sum::<Cost>(), turned.into_iter().sum::<Cost>());
    }

    #[test]
    fn an_overrun_is_recorded_and_reported(cap in cost(100), used in cost(200)) {
        let mut meter = Meter::new(Budget::UNLIMITED);
        let lease = meter.reserve(cap).unwrap();
        prop_assert_eq!(meter.commit(lease, used), used.less(cap));
        prop_assert_eq!(meter.committed(), used);
        prop_assert_eq!(meter.reserved(), Cost::ZERO);
    }

    #[test]
    fn both_limits_hold_in_a_joined_budget(a in budget(50), b in budget(50), asked in cost(60)) {
        let grants = |budget: Budget| Meter::new(budget).reserve(asked).is_ok();
        prop_assert_eq!(grants(a.and(b)), grants(a) && grants(b));
    }
}

#[test]
fn near_the_largest_number_nothing_wraps_and_nothing_is_granted() {
    let mut meter = Meter::new(Budget::calls(u64::MAX).and(Budget::tokens(u64::MAX)));
    let lease = meter.reserve(Cost::evaluations(u64::MAX)).unwrap();
    assert_eq!(meter.left(Unit::Evaluations), Some(0));
    let short = meter.reserve(Cost::evaluations(1)).unwrap_err();
    assert_eq!((short.unit, short.asked, short.left), (Unit::Evaluations, 1, 0));
    assert_eq!(short.to_string(), "budget: 1 metric calls asked for, 0 left");
    assert_eq!(meter.commit(lease, Cost::evaluations(u64::MAX)), Cost::ZERO);
    meter.record(Cost::evaluations(u64::MAX));
    assert_eq!(meter.committed().evaluations, u64::MAX, "saturates");
    assert!(meter.reserve(Cost::evaluations(1)).is_err());

    let both = Cost::tokens(0, u64::MAX, u64::MAX);
    assert_eq!(both.of(Unit::Tokens), u64::MAX, "the sum of two units saturates");
    assert_eq!(both.times(3).tokens_in, u64::MAX);
    assert_eq!(Cost::ZERO.with_wall(Duration::MAX).of(Unit::Wall), u64::MAX);
    assert_eq!(
        (Cost::ZERO.with_wall(Duration::MAX) + Cost::ZERO.with_wall(Duration::MAX)).wall,
        Duration::MAX
    );
    assert_eq!(Cost::evaluations(3).less(Cost::evaluations(5)), Cost::ZERO);
}

#[test]
fn dollars_become_nano_dollars_and_nonsense_becomes_nothing() {
    let nano = |dollars: f64| Budget::usd(dollars).limit(Unit::NanoUsd);
    assert_eq!(nano(0.000_000_001), Some(1));
    assert_eq!(nano(-1.0), Some(0));
    assert_eq!(nano(f64::NAN), Some(0));
    assert_eq!(nano(f64::INFINITY), Some(u64::MAX));
}
