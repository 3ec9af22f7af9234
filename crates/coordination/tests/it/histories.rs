//! Whatever runs at once, the result is that of running one after the other.
//!
//! The model: registers that updates read and write, and a serial run of the same updates in the order in which they ended.
//! `METAORCH_SOAK_N` says how many histories.
use std::collections::BTreeMap;
use std::time::Duration;

use coordination::{Access, Admission, Key, Keys, Mode, Notice, Ticket, Update};
use meta_traits::Stream;

const KEYS: usize = 5;

/// What an update writes into `key` after having read `seen`: other inputs or another order give another value.
fn written(number: u64, key: Key, seen: &BTreeMap<Key, u64>) -> u64 {
    let mix = |hash: u64, x: u64| (hash ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    seen.values().fold(mix(number + 1, keys_place(key)), |hash, value| mix(hash, *value))
}

fn keys_place(key: Key) -> u64 {
    (0..KEYS).find(|i| keys()[*i] == key).expect("one of them") as u64
}

fn keys() -> Vec<Key> {
    let mut names = Keys::default();
    (0..KEYS).map(|i| names.key(&format!("k{i}"))).collect()
}

type Registers = BTreeMap<Key, u64>;

fn read(registers: &Registers, access: &Access) -> Registers {
    access.keys().iter().map(|(key, _)| (*key, registers.get(key).copied().unwrap_or(0))).collect()
}

fn write(registers: &mut Registers, access: &Access, number: u64, seen: &Registers) {
    for (key, mode) in access.keys() {
        if *mode == Mode::Write {
            registers.insert(*key, written(number, *key, seen));
        }
    }
}

fn history(seed: u64) {
    let keys = keys();
    let mut rng = Stream::root(seed).child("history", 0);
    let admission = Admission::new(1 + rng.below(8) as u32);
    let admission = match rng.below(3) {
        0 => admission,
        1 => admission.with_bound(Duration::ZERO),
        _ => admission.with_bound(Duration::from_secs(4)),
    };
    let mut admission = if rng.chance(0.3) { admission.with_wounding() } else { admission };
    let (mut registers, mut ended) = (Registers::new(), Vec::new());
    let mut declared: BTreeMap<Ticket, Access> = BTreeMap::new();
    // What those that run have read; they write when they end.
    let mut running: BTreeMap<Ticket, Registers> = BTreeMap::new();
    for step in 0.. {
        let now = Duration::from_secs(step);
        if step < 40 && rng.chance(0.6) {
            let mut pick = |n: usize| -> Vec<Key> { (0..n).map(|_| keys[rng.below(KEYS)]).collect() };
            let access = Access::new(pick(2), pick(2));
            let update = Update::new("x", access.clone()).with_priority([0, 1, 2][rng.below(3)]);
            let ticket = admission.submit(update, now).unwrap();
            declared.insert(ticket, access);
        } else if let Some(ticket) = running.keys().nth(rng.below(running.len().max(1))).copied() {
            let seen = running.remove(&ticket).unwrap();
            if rng.chance(0.2) {
                assert!(admission.cancel(ticket, now), "an aborted update writes nothing");
            } else {
                write(&mut registers, &declared[&ticket], ticket.number(), &seen);
                ended.push(ticket);
                admission.finish(ticket, true, now).unwrap();
            }
        }
        while let Some(notice) = admission.poll() {
            match notice {
                Notice::Granted { ticket, .. } => {
                    running.insert(ticket, read(&registers, &declared[&ticket]));
                }
                Notice::Stop { ticket, .. } if rng.chance(0.5) => {
                    running.remove(&ticket);
                    assert!(admission.cancel(ticket, now));
                }
                _ => {}
            }
        }
        if step >= 40 && running.is_empty() {
            break;
        }
    }
    let mut serial = Registers::new();
    for ticket in &ended {
        let seen = read(&serial, &declared[ticket]);
        write(&mut serial, &declared[ticket], ticket.number(), &seen);
    }
    assert_eq!(registers, serial, "seed {seed}");
    assert!(ended.len() > 3, "too little happened");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a soak says how many")]
fn histories_are_conflict_serialisable() {
    let histories = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    (0..histories).for_each(history);
}
