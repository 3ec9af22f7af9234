//! An append-only log of JSON records that survives kills and refuses damage.
//!
//! One line a record: `{"seq":N,"crc":"xxxxxxxx","event":RECORD}`. The checksum is CRC-32 (IEEE) over the checksum of
//! the line before, the sequence number (8 bytes, little endian) and the record's bytes; so a line that is changed,
//! dropped, repeated or moved is found, while every line stays plain JSON.
//!
//! **Recovery.** A last line without its line feed is a torn write and is cut off. Anything else that does not check
//! is [`JournalError::Corrupt`]: the journal refuses rather than guess.
//!
//! **Compaction.** One record can be put in the place of all before it; numbers and checksums go on as if they still stood
//! there. So a log has no longest run.

mod error;
mod group;
mod line;
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the file storage is the journal's edge to the system"
)]
mod storage;

pub use error::JournalError;
pub use group::{GroupJournal, Position};
pub use storage::{FileStorage, MemoryStorage, Storage};

use line::Checked;

/// What an existing log held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The records in order, as the JSON text that was appended.
    pub records: Vec<String>,
    /// Bytes of a torn last line that were cut off.
    pub torn_bytes: usize,
    /// How many records the first one stands for; 0 if the log was never compacted.
    pub compacted: u64,
}

/// A log open for appending.
///
/// Appends are buffered until [`Journal::flush`]; a flushed record survives a kill of the process, a synced one a loss
/// of power as well. Cost per record: one pass over its bytes; memory: one buffer.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    seq: u64,
    crc: u32,
    buffer: Vec<u8>,
}

impl<S: Storage> Journal<S> {
    /// Reads what `storage` holds, cuts off a torn last line, and opens the log behind it. O(bytes).
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] names the first line that does not check; [`JournalError::Io`] if storage fails.
    pub fn open(mut storage: S) -> Result<(Self, Recovered), JournalError> {
        let bytes = storage.load().map_err(JournalError::io("read"))?;
        let mut recovered = Recovered::default();
        let mut journal = Self { storage, seq: 0, crc: 0, buffer: Vec::new() };
        let mut start = 0;
        while start < bytes.len() {
            let Some(length) = bytes[start..].iter().position(|b| *b == b'\n') else {
                let tail = &bytes[start..];
                let base = line::base(tail).filter(|_| start == 0);
                let (seq, crc) = base.unwrap_or((journal.seq, journal.crc));
                if line::is_whole_but_for_its_end(tail, seq, crc) {
                    return Err(journal.corrupt("its line feed is damaged"));
                }
                recovered.torn_bytes = tail.len();
                journal.storage.truncate(start as u64).map_err(JournalError::io("cut the torn end of"))?;
                break;
            };
            let text = &bytes[start..start + length];
            if let (0, Some((before, crc))) = (start, line::base(text)) {
                (journal.seq, journal.crc, recovered.compacted) = (before, crc, before);
            }
            match line::check(text, journal.seq, journal.crc) {
                Ok(Checked { record, crc }) => {
                    let stands_for_others = start == 0 && recovered.compacted > 0;
                    let record =
                        if stands_for_others { line::state(record).unwrap_or(record) } else { record };
                    recovered.records.push(record.to_owned());
                    journal.seq += 1;
                    journal.crc = crc;
                }
                Err(why) => return Err(journal.corrupt(why)),
            }
            start += length + 1;
        }
        Ok((journal, recovered))
    }

    fn corrupt(&self, why: &'static str) -> JournalError {
        JournalError::Corrupt { line: self.seq + 1, why }
    }

    /// Appends one record: JSON text without a line feed.
    ///
    /// # Errors
    /// [`JournalError::LineFeed`] if the record holds one; nothing is appended then.
    pub fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        if record.contains(&b'\n') {
            return Err(JournalError::LineFeed);
        }
        self.crc = line::write(&mut self.buffer, self.seq, self.crc, record);
        self.seq += 1;
        Ok(())
    }

    /// Hands all buffered records to the storage in one write.
    ///
    /// # Errors
    /// [`JournalError::Io`] if the write fails. The records stay buffered; since part of them may have been written,
    /// reopen the log before going on.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.storage.append(&self.buffer).map_err(JournalError::io("write"))?;
        self.buffer.clear();
        Ok(())
    }

    /// Flushes, then asks the storage to make everything durable.
    ///
    /// # Errors
    /// [`JournalError::Io`] if the storage fails.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        self.storage.sync().map_err(JournalError::io("sync"))
    }

    /// Puts one record, JSON text without a line feed, in the place of all before it. Durable on return. O(bytes of it).
    ///
    /// # Errors
    /// [`JournalError::LineFeed`]; [`JournalError::Io`] if the storage cannot replace what it holds: the log is as it was
    /// then, but for what was buffered.
    pub fn compact(&mut self, record: &[u8]) -> Result<(), JournalError> {
        if record.contains(&b'\n') {
            return Err(JournalError::LineFeed);
        }
        self.flush()?;
        if self.seq == 0 {
            self.append(record)?;
            return self.sync();
        }
        let mut bytes = Vec::new();
        let crc = line::write(&mut bytes, self.seq, self.crc, &line::compacted(self.crc, record));
        self.storage.replace(&bytes).map_err(JournalError::io("compact"))?;
        (self.seq, self.crc) = (self.seq + 1, crc);
        Ok(())
    }

    /// Number of records appended or recovered.
    pub fn len(&self) -> u64 {
        self.seq
    }

    /// Whether the log holds nothing.
    pub fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// The chained checksum of everything up to now: equal logs have equal checksums.
    pub fn checksum(&self) -> u32 {
        self.crc
    }

    /// The storage, without what is still buffered.
    pub fn into_storage(self) -> S {
        self.storage
    }
}

/// The chained checksum after each of `records`, so that a stored checksum can be found again.
pub fn checksums<'a>(records: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = u32> {
    records.into_iter().enumerate().scan(0_u32, |crc, (seq, record)| {
        *crc = line::checksum(*crc, seq as u64, record.as_bytes());
        Some(*crc)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[&str]) -> Vec<u8> {
        let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
        for r in records {
            journal.append(r.as_bytes()).unwrap();
        }
        journal.flush().unwrap();
        journal.into_storage().into_bytes()
    }

    #[test]
    fn lines_are_json_with_chained_checksums() {
        let bytes = written(&[r#"{"a":1}"#, r#"{"a":1}"#]);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with(r#"{"seq":0,"crc":""#) && lines[0].ends_with(r#"","event":{"a":1}}"#));
        let crc = |l: &str| l.split('"').nth(5).unwrap().to_owned();
        assert_ne!(crc(lines[0]), crc(lines[1]), "equal records at other places differ");
    }

    #[test]
    fn every_prefix_recovers_what_was_whole() {
        let bytes = written(&["{}", r#"{"b":[1,2]}"#, "3"]);
        for cut in 0..=bytes.len() {
            let whole = bytes[..cut].split(|b| *b == b'\n').count() - 1;
            let at_end_but_feed = bytes.get(cut) == Some(&b'\n');
            match Journal::open(MemoryStorage::of(bytes[..cut].to_vec())) {
                Ok((journal, recovered)) => {
                    assert_eq!(recovered.records.len(), whole);
                    let kept = journal.into_storage().into_bytes();
                    assert!(bytes.starts_with(&kept) && kept.len() + recovered.torn_bytes == cut);
                }
                Err(e) => panic!("cut {cut} ({at_end_but_feed}): {e}"),
            }
        }
    }

    #[test]
    fn every_bit_flip_is_refused_or_loses_only_the_end() {
        let records = ["{}", r#"{"b":[1,2]}"#, r#""text""#];
        let bytes = written(&records);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok((_, recovered)) = Journal::open(MemoryStorage::of(damaged)) {
                panic!("bit {bit} passed unnoticed: {recovered:?}");
            }
        }
    }

    #[test]
    fn lines_cannot_be_dropped_swapped_or_repeated() {
        let text = String::from_utf8(written(&["1", "2", "3"])).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for order in [&[1, 2][..], &[0, 2], &[0, 1, 1, 2], &[1, 0, 2], &[0, 0]] {
            let mixed: String = order.iter().map(|i| lines[*i]).collect();
            assert!(
                matches!(
                    Journal::open(MemoryStorage::of(mixed.into_bytes())),
                    Err(JournalError::Corrupt { .. })
                ),
                "{order:?}"
            );
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_loses_nothing_that_was_flushed() {
        let mut storage = MemoryStorage::default();
        storage.fail_after(60);
        let (mut journal, _) = Journal::open(storage).unwrap();
        journal.append(b"1").unwrap();
        journal.flush().unwrap();
        journal.append(b"2").unwrap();
        let error = journal.flush().unwrap_err();
        assert!(error.to_string().contains("write"), "{error}");
        let (_, recovered) = Journal::open(MemoryStorage::of(journal.into_storage().into_bytes())).unwrap();
        assert_eq!(recovered.records, ["1"]);
    }

    #[test]
    fn checksums_can_be_found_again() {
        let (mut journal, _) = Journal::open(MemoryStorage::default()).unwrap();
        journal.append(b"1").unwrap();
        let first = journal.checksum();
        journal.append(b"[2]").unwrap();
        assert_eq!(checksums(["1", "[2]"]).collect::<Vec<_>>(), [first, journal.checksum()]);
        assert!(matches!(journal.append(b"a\nb"), Err(JournalError::LineFeed)));
        assert_eq!(journal.len(), 2);
    }
}
