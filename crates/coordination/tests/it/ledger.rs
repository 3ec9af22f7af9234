use std::collections::BTreeMap;

use coordination::journal::{GroupJournal, Journal, MemoryStorage, Storage as _};
use coordination::{Begun, Ledger, LedgerError};
use meta_traits::Stream;
use proptest::prelude::*;

fn attempt(ledger: &mut Ledger<MemoryStorage>, key: &str) -> u32 {
    match ledger.begin(key).unwrap() {
        Begun::Attempt(number) => number,
        Begun::Done(result) => panic!("done: {result}"),
    }
}

/// Cuts the log at every byte, as a crash may, and looks whether what was told before is kept.
#[test]
fn what_was_told_survives_a_crash_at_any_byte() {
    let mut ledger = Ledger::open(MemoryStorage::default()).unwrap();
    let first = attempt(&mut ledger, "a");
    ledger.apply("a", first, "1").unwrap();
    let told = ledger.into_storage().into_bytes();
    let mut ledger = Ledger::open(MemoryStorage::of(told.clone())).unwrap();
    let second = attempt(&mut ledger, "b");
    ledger.apply("b", second, "line\nfeed").unwrap();
    let bytes = ledger.into_storage().into_bytes();
    for cut in told.len()..=bytes.len() {
        let mut again = Ledger::open(MemoryStorage::of(bytes[..cut].to_vec())).unwrap();
        assert_eq!(again.begin("a").unwrap(), Begun::Done("1".into()));
        let done = again.begin("b").unwrap() == Begun::Done("line\nfeed".into());
        assert_eq!(done, cut == bytes.len());
    }
}

#[test]
fn what_was_begun_and_has_no_result_is_uncertain() {
    let mut ledger = Ledger::open(MemoryStorage::default()).unwrap();
    for key in ["a", "b", "c"] {
        attempt(&mut ledger, key);
    }
    ledger.apply("b", 1, "x").unwrap();
    let again = Ledger::open(ledger.into_storage()).unwrap();
    assert_eq!(again.uncertain().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn foreign_journals_and_attempts_are_refused() {
    let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
    journal.append(b"{\"hello\":1}").unwrap();
    journal.flush().unwrap();
    let fault = Ledger::open(journal.into_storage()).unwrap_err().to_string();
    assert!(fault.starts_with("ledger: record 0 is none of a ledger"), "{fault}");
    let mut ledger = Ledger::open(MemoryStorage::default()).unwrap();
    for number in [0, 1] {
        let fault = ledger.apply("a", number, "x").unwrap_err();
        assert!(matches!(fault, LedgerError::Unknown { begun: 0, .. }));
    }
}

#[test]
fn a_full_disk_takes_nothing_and_says_so() {
    let mut storage = MemoryStorage::default();
    storage.fail_after(150);
    let mut ledger = Ledger::open(storage).unwrap();
    let number = attempt(&mut ledger, "a");
    let fault = ledger.apply("a", number, &"x".repeat(200)).unwrap_err().to_string();
    assert!(fault.contains("cannot write the log"), "{fault}");
    let again = Ledger::open(MemoryStorage::of(ledger.into_storage().into_bytes())).unwrap();
    assert_eq!(again.uncertain().collect::<Vec<_>>(), ["a"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Against a map that takes the first result, with crashes, late results and compaction in between.
    #[test]
    fn each_effect_has_the_first_result(seed: u64) {
        let mut rng = Stream::root(seed);
        let mut ledger = Ledger::open(MemoryStorage::default()).unwrap();
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        let mut open: Vec<(String, u32)> = Vec::new();
        for step in 0..60 {
            let key = format!("k{}", rng.below(5));
            match rng.below(8) {
                0..=3 => match ledger.begin(&key).unwrap() {
                    Begun::Done(result) => prop_assert_eq!(Some(&result), model.get(&key)),
                    Begun::Attempt(number) => {
                        prop_assert!(!model.contains_key(&key));
                        open.push((key, number));
                    }
                },
                4..=5 if !open.is_empty() => {
                    let (key, number) = open.remove(rng.below(open.len()));
                    let told = ledger.apply(&key, number, &step.to_string()).unwrap();
                    prop_assert_eq!(told.as_ref(), model.get(&key));
                    model.entry(key).or_insert(step.to_string());
                }
                6 => ledger.compact().unwrap(),
                // A crash that loses all that was not durable.
                _ => ledger = Ledger::open(ledger.into_storage().after_power_loss(0)).unwrap(),
            }
        }
    }

    /// Any mix of appends and compactions leaves the last compacted record and what came after, at any loss of power.
    #[test]
    fn compaction_keeps_what_it_stands_for(seed: u64) {
        let mut rng = Stream::root(seed);
        let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
        let (mut expected, mut stands_for) = (Vec::new(), 0);
        for step in 0..30_u64 {
            if rng.chance(0.2) {
                stands_for = journal.len();
                expected = vec![format!("[\"all before {step}\"]")];
                journal.compact(expected[0].as_bytes()).unwrap();
            } else {
                expected.push(step.to_string());
                journal.append(step.to_string().as_bytes()).unwrap();
                journal.sync().unwrap();
            }
        }
        journal.append(b"\"not synced\"").unwrap();
        journal.flush().unwrap();
        let (length, checksum) = (journal.len() - 1, journal.checksum());
        let storage = journal.into_storage();
        let kept = rng.below(8);
        let (again, recovered) = Journal::open(storage.after_power_loss(kept)).unwrap();
        prop_assert_eq!(recovered.records, expected);
        prop_assert_eq!((again.len(), recovered.compacted, recovered.torn_bytes), (length, stands_for, kept));
        let (whole, _) = Journal::open(storage).unwrap();
        prop_assert_eq!(whole.checksum(), checksum);
    }
}

#[test]
fn files_are_compacted_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let open = || Journal::open(coordination::journal::FileStorage::open(&path).unwrap()).unwrap();
    let (mut journal, _) = open();
    for record in ["1", "2", "3"] {
        journal.append(record.as_bytes()).unwrap();
    }
    journal.compact(b"[1,2,3]").unwrap();
    journal.append(b"4").unwrap();
    journal.sync().unwrap();
    drop(journal);
    let (journal, recovered) = open();
    assert_eq!(
        (recovered.records, recovered.compacted, journal.len()),
        (vec!["[1,2,3]".into(), "4".into()], 3, 5)
    );
    assert!(!directory.path().join("log.new").exists(), "nothing is left beside it");
    let damaged = journal.into_storage().load().unwrap();
    let text = String::from_utf8(damaged).unwrap().replacen("[1,2,3]", "[1,2,4]", 1);
    assert!(Journal::open(MemoryStorage::of(text.into_bytes())).is_err());
}

#[test]
fn a_group_that_broke_says_so_to_all() {
    let mut storage = MemoryStorage::default();
    storage.fail_after(60);
    let group = GroupJournal::new(Journal::open(storage).unwrap().0);
    let first = group.append(b"1").unwrap();
    group.commit(first).unwrap();
    let second = group.append(b"2").unwrap();
    let third = group.append(b"3").unwrap();
    assert!(group.commit(third).unwrap_err().to_string().contains("cannot write"));
    assert!(group.commit(second).unwrap_err().to_string().contains("open it again"));
    group.commit(first).unwrap();
    assert!(group.append(b"4").is_err());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
fn threads_lose_no_record_and_share_syncs() {
    let group = GroupJournal::new(Journal::open(MemoryStorage::default()).unwrap().0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let group = &group;
            scope.spawn(move || {
                for i in 0..50 {
                    let position = group.append(format!("[{thread},{i}]").as_bytes()).unwrap();
                    group.commit(position).unwrap();
                }
            });
        }
    });
    assert!((1..=200).contains(&group.syncs()));
    let durable = group.into_journal().into_storage().after_power_loss(0);
    let (_, recovered) = Journal::open(durable).unwrap();
    for thread in 0..4 {
        let own = format!("[{thread},");
        let order: Vec<&String> = recovered.records.iter().filter(|r| r.starts_with(&own)).collect();
        let expected: Vec<String> = (0..50).map(|i| format!("[{thread},{i}]")).collect();
        assert!(order.into_iter().eq(expected.iter()));
    }
}

#[test]
fn leases_are_what_the_journal_says() {
    let mut ledger = Ledger::open(MemoryStorage::default()).unwrap();
    for key in ["a", "a", "b", "c"] {
        attempt(&mut ledger, key);
    }
    ledger.fail("a", 1).unwrap();
    ledger.fail("a", 1).unwrap();
    ledger.apply("b", 1, "x").unwrap();
    ledger.fail("c", 1).unwrap();
    for compacted in [false, true] {
        if compacted {
            ledger.compact().unwrap();
        }
        ledger = Ledger::open(ledger.into_storage()).unwrap();
        assert_eq!(ledger.leases().collect::<Vec<_>>(), [("a", 2)]);
        assert_eq!(ledger.uncertain().collect::<Vec<_>>(), ["a"], "what failed for sure is certain");
        assert_eq!((ledger.result("a"), ledger.result("b"), ledger.result("z")), (None, Some("x"), None));
    }
    assert!(matches!(ledger.fail("c", 2), Err(LedgerError::Unknown { begun: 1, .. })));
    assert_eq!(ledger.apply("a", 1, "late").unwrap(), None, "a late result is taken all the same");
    assert_eq!(ledger.leases().count(), 0);
}
