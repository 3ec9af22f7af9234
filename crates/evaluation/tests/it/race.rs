//! The evaluation scheduler: laws of the state machine here, those of its statistics in the files beside.

mod evidence;
mod noise;
mod weights;

use std::fmt::Write as _;

use std::collections::BTreeMap;

use evaluation::race::{Block, Decision, Race, RaceAsk, RaceOptions};
use meta_traits::Stream;
use meta_traits::conformance::{SnapshotCheck, check_snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

const EXAMPLES: usize = 30;

/// 0 or 1, or a quarter in between; a function of the candidate and the draw alone.
pub(crate) fn score(world: u64, candidate: usize, example: usize, repeat: u32) -> f64 {
    let mut rng = Stream::root(world)
        .child("of", candidate as u64)
        .child("on", (example as u64) << 8 | u64::from(repeat));
    let level = [0.5, 0.7, 0.3, 0.5, 0.9][candidate % 5];
    if rng.chance(0.1) { rng.below(5) as f64 / 4.0 } else { f64::from(u8::from(rng.chance(level))) }
}

fn scores(world: u64, block: &Block) -> Vec<f64> {
    block.draws.iter().map(|d| score(world, block.candidate, d.example, d.repeat)).collect()
}

/// A race in which the incumbent is known and four others have entered.
fn race(world: u64, options: RaceOptions) -> Race {
    let mut race = Race::new(EXAMPLES, options, Stream::root(world).child("race", 0)).unwrap();
    let incumbent = race.enter();
    for example in 0..EXAMPLES {
        race.record(incumbent, example, score(world, incumbent, example, 0)).unwrap();
    }
    for _ in 0..4 {
        race.enter();
    }
    race
}

/// Runs to the end. Among the blocks under way the next one to be answered is picked by `order`, which may also say to ask
/// first; every block for which `lost` holds is abandoned.
fn finish(world: u64, race: &mut Race, order: &[u8], lost: impl Fn(u64) -> bool) -> Vec<Block> {
    let mut order = order.iter().copied().cycle();
    let mut asked = Vec::new();
    let mut out: Vec<Block> = Vec::new();
    loop {
        let turn = order.next().unwrap_or(0);
        let ask = if turn < 100 && !out.is_empty() { RaceAsk::Wait } else { race.ask() };
        let answer = match ask {
            RaceAsk::Run(block) => {
                asked.push(block.clone());
                out.push(block);
                continue;
            }
            RaceAsk::Wait => out.swap_remove(usize::from(turn) % out.len()),
            _ => {
                assert!(out.is_empty(), "idle with {out:?} under way");
                return asked;
            }
        };
        let done = if lost(answer.id) {
            race.abandon(answer.id)
        } else {
            race.tell(answer.id, &scores(world, &answer))
        };
        done.unwrap();
    }
}

fn options() -> impl Strategy<Value = RaceOptions> {
    let anchors = vec(0..EXAMPLES, 0..3);
    (1..8_usize, 1..5_usize, 1..3_u32, 0.2..=1.0_f64, anchors, proptest::option::of(0..90_u64)).prop_map(
        |(block, ahead, repeats, floor, anchors, budget)| RaceOptions {
            block,
            ahead,
            repeats,
            floor,
            anchors,
            budget,
            ..RaceOptions::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_completion_decides_nothing(
        world: u64, options in options(), order in vec(any::<u8>(), 1..40), loss in 2..9_u64,
    ) {
        let lost = |id: u64| id % loss == 1 && id < 20;
        let (mut straight, mut mixed) = (race(world, options.clone()), race(world, options));
        // The first answers every block before it asks again.
        let a = finish(world, &mut straight, &[0], lost);
        let b = finish(world, &mut mixed, &order, lost);
        prop_assert_eq!(a, b);
        prop_assert_eq!(straight.ledger(), mixed.ledger());
        prop_assert_eq!(straight.calls(), mixed.calls());
        for candidate in 0..5 {
            prop_assert_eq!(straight.decision(candidate), mixed.decision(candidate));
        }
    }

    #[test]
    fn nothing_is_paid_twice_and_the_budget_holds(
        world: u64, options in options(), order in vec(any::<u8>(), 1..40),
    ) {
        let mut race = race(world, options.clone());
        let asked = finish(world, &mut race, &order, |_| false);
        let mut runs = BTreeMap::new();
        for block in &asked {
            prop_assert!(block.draws.len() <= options.block && block.candidate != race.incumbent());
            for draw in &block.draws {
                let runs: &mut u32 = runs.entry((block.candidate, draw.example)).or_default();
                prop_assert_eq!(draw.repeat, *runs);
                *runs += 1;
                prop_assert!(*runs <= options.repeats);
            }
        }
        let total: u64 = runs.values().map(|n| u64::from(*n)).sum();
        prop_assert_eq!(total, race.calls());
        prop_assert!(options.budget.is_none_or(|most| total <= most));
        if options.budget.is_none() {
            prop_assert!((1..5).all(|c| race.decision(c) != Decision::Open));
        }
    }

    #[test]
    fn no_candidate_is_kept_that_loses_an_anchor(world: u64, options in options(), more in vec(0..EXAMPLES, 5..25)) {
        let options = RaceOptions { anchors: more, least: 5, keep: 0.6, budget: None, ..options };
        let mut race = race(world, options.clone());
        finish(world, &mut race, &[200], |_| false);
        let passes = |c: usize, at: &usize| race.ledger().mean(c, *at).map(|mean| mean >= options.pass);
        for c in 1..5 {
            let lost = |at: &&usize| passes(0, at) == Some(true) && passes(c, at) == Some(false);
            match race.decision(c) {
                Decision::Kept => prop_assert!(options.anchors.iter().all(|at| passes(c, at).is_some() && !lost(&at))),
                Decision::Inadmissible => prop_assert!(options.anchors.iter().any(|at| lost(&at))),
                _ => {}
            }
        }
    }

    #[test]
    fn a_damaged_snapshot_is_refused_or_usable(world: u64, at: prop::sample::Index, with: u8) {
        use meta_traits::DynSnapshot as _;
        let mut race = race(world, RaceOptions { ahead: 2, ..RaceOptions::default() });
        let RaceAsk::Run(block) = race.ask() else { panic!("candidates are open") };
        race.ask();
        race.tell(block.id, &scores(world, &block)).unwrap();
        let mut saved = race.save();
        let at = at.index(saved.body.len());
        saved.body[at] = b"0123456789,:]}\"-.e"[usize::from(with) % 18];
        if race.load(saved).is_ok() {
            for _ in 0..200 {
                match race.ask() {
                    RaceAsk::Run(block) => race.tell(block.id, &scores(world, &block)).unwrap(),
                    _ => break,
                }
            }
        }
    }
}

#[test]
fn a_race_goes_on_from_any_point() {
    let make = |seed: u64| race(seed, RaceOptions { ahead: 3, floor: 0.3, ..RaceOptions::default() });
    let out = std::cell::RefCell::new(BTreeMap::<usize, Vec<Block>>::new());
    // Two blocks are asked for, then the later of those under way is answered: some wait in every snapshot.
    let step = |race: &mut Race, n: u64| {
        let key = std::ptr::from_ref(race) as usize;
        let mut out = out.borrow_mut();
        let out = out.entry(key).or_default();
        if n == 0 {
            out.clear();
        }
        let mut seen = String::new();
        for _ in 0..2 {
            let ask = race.ask();
            let _ = write!(seen, "{ask:?} ");
            if let RaceAsk::Run(block) = ask {
                out.push(block);
            }
        }
        if let Some(block) = out.pop() {
            race.tell(block.id, &scores(7, &block)).unwrap();
        }
        let decisions: Vec<Decision> = (0..5).map(|c| race.decision(c)).collect();
        format!("{seen}{decisions:?} {}", race.calls())
    };
    check_snapshot(&SnapshotCheck::new(make, step).steps(24));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut race = race(1, RaceOptions::default());
    assert_eq!(
        race.tell(0, &[]).unwrap_err().to_string(),
        "race: block 0 is not pending; tell each asked block once"
    );
    let RaceAsk::Run(block) = race.ask() else { panic!("candidates are open") };
    for wrong in [vec![], vec![1.0; 4], vec![f64::NAN; 5]] {
        race.tell(block.id, &wrong).unwrap_err();
    }
    race.record(9, 0, 1.0).unwrap_err();
    race.record(0, 99, 1.0).unwrap_err();
    race.record(0, 0, f64::INFINITY).unwrap_err();
    race.tell(block.id, &scores(1, &block)).unwrap();
    race.tell(block.id, &scores(1, &block)).unwrap_err();
    race.abandon(block.id).unwrap_err();
    assert_eq!(race.calls(), 5);
    assert_eq!(race.ledger().scores(0, 0).len(), 1);
    for wrong in [
        RaceOptions { block: 0, ..RaceOptions::default() },
        RaceOptions { ahead: 0, ..RaceOptions::default() },
        RaceOptions { repeats: 0, ..RaceOptions::default() },
        RaceOptions { floor: 0.1, ..RaceOptions::default() },
        RaceOptions { drop: 0.99, ..RaceOptions::default() },
        RaceOptions { alpha: 1.0, ..RaceOptions::default() },
        RaceOptions { anchors: vec![EXAMPLES], ..RaceOptions::default() },
    ] {
        Race::new(EXAMPLES, wrong, Stream::root(1)).unwrap_err();
    }
    Race::new(
        EXAMPLES,
        RaceOptions { block: usize::MAX, ahead: usize::MAX, ..RaceOptions::default() },
        Stream::root(1),
    )
    .unwrap();
}
