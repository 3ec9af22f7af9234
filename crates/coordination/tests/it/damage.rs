//! Storage that fails at every write, and logs that are damaged anywhere: recovered or refused, never wrong.
use coordination::journal::{Journal, JournalError, MemoryStorage};
use meta_traits::Stream;

/// A log of records of many lengths, compacted once; and its records.
fn written(rng: &mut Stream) -> (Vec<u8>, Vec<String>) {
    let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
    let mut records = Vec::new();
    let compacted = rng.below(12);
    for number in 0..12 {
        let record = format!("{{\"n\":{number},\"text\":\"{}\"}}", "y".repeat(rng.below(60)));
        if number == compacted && number > 0 {
            records.clear();
            journal.compact(record.as_bytes()).unwrap();
        } else {
            journal.append(record.as_bytes()).unwrap();
            journal.flush().unwrap();
        }
        records.push(record);
    }
    (journal.into_storage().into_bytes(), records)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a soak says how many")]
fn flipped_bits_are_refused() {
    let flips: u64 = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    for flip in 0..flips {
        let mut rng = Stream::root(flip).child("flip", 0);
        let (mut bytes, _) = written(&mut rng);
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
        let opened = Journal::open(MemoryStorage::of(bytes));
        assert!(matches!(opened, Err(JournalError::Corrupt { .. })), "flip {flip} at {at}: {opened:?}");
    }
}

#[test]
fn a_disk_that_is_full_at_any_byte_keeps_a_prefix() {
    let (bytes, records) = written(&mut Stream::root(3));
    for room in 0..bytes.len() {
        let mut storage = MemoryStorage::default();
        storage.fail_after(room);
        let (mut journal, _) = Journal::open(storage).unwrap();
        let mut failed = false;
        for record in &records {
            journal.append(record.as_bytes()).unwrap();
            failed = journal.flush().is_err();
            if failed {
                break;
            }
        }
        let left = journal.into_storage().into_bytes();
        let (_, recovered) = Journal::open(MemoryStorage::of(left)).unwrap();
        assert!(records.starts_with(&recovered.records));
        assert!(failed || recovered.records.len() == records.len(), "a failure was not told");
    }
}

#[test]
fn a_full_disk_leaves_a_log_that_cannot_be_compacted_as_it_was() {
    let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
    journal.append(b"1").unwrap();
    journal.sync().unwrap();
    let mut storage = journal.into_storage();
    storage.fail_after(50);
    let (mut journal, _) = Journal::open(storage).unwrap();
    assert!(journal.compact(b"[\"stands for all before it\"]").is_err());
    let (_, recovered) = Journal::open(journal.into_storage().after_power_loss(0)).unwrap();
    assert_eq!((recovered.records, recovered.compacted), (vec!["1".to_owned()], 0));
}
