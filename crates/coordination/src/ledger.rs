//! Effects that happen once, whatever is tried again, crashes or comes late.

use std::collections::BTreeMap;

use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::journal::{Journal, JournalError, Storage};

/// Remembers, in a journal, which effects have happened and with what result.
///
/// An effect is named by an idempotency key. Whoever wants it asks [`Ledger::begin`]: either it is done, and here is its
/// result, or an attempt starts. The first result that comes back for a key is taken, from whichever attempt; later ones
/// are told the first. What is taken is durable before it is told: the journal is the only record, and a ledger opened
/// again on it is the same ledger.
///
/// Memory: one entry a key. [`Ledger::compact`] keeps the journal to the same size.
///
/// ```
/// use coordination::{Begun, Ledger};
/// use coordination::journal::MemoryStorage;
/// let mut ledger = Ledger::open(MemoryStorage::default())?;
/// let Begun::Attempt(first) = ledger.begin("round 3: score")? else { unreachable!() };
/// let Begun::Attempt(second) = ledger.begin("round 3: score")? else { unreachable!() };
/// assert_eq!(ledger.apply("round 3: score", second, "0.71")?, None);
/// assert_eq!(ledger.apply("round 3: score", first, "0.69")?.as_deref(), Some("0.71"), "too late");
/// let mut again = Ledger::open(ledger.into_storage())?;
/// assert_eq!(again.begin("round 3: score")?, Begun::Done("0.71".into()));
/// # Ok::<(), coordination::LedgerError>(())
/// ```
#[derive(Debug)]
pub struct Ledger<S> {
    journal: Journal<S>,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    Begun { key: String },
    Done { key: String, attempt: u32, result: String },
    Entries(BTreeMap<String, Entry>),
}

/// What [`Ledger::begin`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has not happened yet; the number of this attempt, from 1.
    Attempt(u32),
    /// It has happened, with this result.
    Done(String),
}

/// Why a ledger does not take something.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The journal failed or is damaged. After a failed write, open the ledger again.
    #[error("ledger: {0}")]
    Journal(#[from] JournalError),
    /// A record of the journal is none of a ledger's.
    #[error("ledger: record {record} is none of a ledger ({reason}); give the ledger a journal of its own")]
    Record {
        /// Its number, from 0.
        record: usize,
        /// Why it is none.
        reason: String,
    },
    /// A result of an attempt that was never begun.
    #[error("ledger: attempt {attempt} at '{key}' was never begun; allowed: 1 to {begun}")]
    Unknown {
        /// The effect.
        key: String,
        /// The attempt.
        attempt: u32,
        /// Attempts begun.
        begun: u32,
    },
}

impl Classify for LedgerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal(error) => error.kind(),
            Self::Record { .. } => ErrorKind::Corrupt,
            Self::Unknown { .. } => ErrorKind::InvalidInput,
        }
    }
}

impl<S: Storage> Ledger<S> {
    /// Opens the ledger that `storage` holds, or a new one.
    ///
    /// # Errors
    /// [`LedgerError::Journal`], [`LedgerError::Record`].
    pub fn open(storage: S) -> Result<Self, LedgerError> {
        let (journal, recovered) = Journal::open(storage)?;
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (record, text) in recovered.records.iter().enumerate() {
            let fault =
                |reason: serde_json::Error| LedgerError::Record { record, reason: reason.to_string() };
            match serde_json::from_str(text).map_err(fault)? {
                Record::Begun { key } => entries.entry(key).or_default().attempts += 1,
                Record::Done { key, result, .. } => entries.entry(key).or_default().result = Some(result),
                Record::Entries(all) => entries = all,
            }
        }
        Ok(Self { journal, entries })
    }

    /// Starts an attempt at the effect `key`, unless it has happened. That it was begun is durable on return.
    ///
    /// # Errors
    /// [`LedgerError::Journal`]; nothing was begun then.
    pub fn begin(&mut self, key: &str) -> Result<Begun, LedgerError> {
        if let Some(result) = self.entries.get(key).and_then(|e| e.result.clone()) {
            return Ok(Begun::Done(result));
        }
        self.write(&Record::Begun { key: key.into() })?;
        let entry = self.entries.entry(key.into()).or_default();
        entry.attempts += 1;
        Ok(Begun::Attempt(entry.attempts))
    }

    /// Takes the result of an attempt: `None` if it is the first for its key, and durable; otherwise the first one.
    ///
    /// # Errors
    /// [`LedgerError::Unknown`], [`LedgerError::Journal`]; nothing was taken then.
    pub fn apply(&mut self, key: &str, attempt: u32, result: &str) -> Result<Option<String>, LedgerError> {
        let entry = self.entries.get(key).cloned().unwrap_or_default();
        if attempt == 0 || attempt > entry.attempts {
            return Err(LedgerError::Unknown { key: key.into(), attempt, begun: entry.attempts });
        }
        if entry.result.is_some() {
            return Ok(entry.result);
        }
        self.write(&Record::Done { key: key.into(), attempt, result: result.into() })?;
        self.entries.insert(key.into(), Entry { result: Some(result.into()), ..entry });
        Ok(None)
    }

    /// Effects that were begun and have no result: after a crash nobody knows whether they happened.
    pub fn uncertain(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, e)| e.result.is_none()).map(|(key, _)| key.as_str())
    }

    /// Puts one record in the place of all.
    ///
    /// # Errors
    /// [`LedgerError::Journal`]; the journal is as it was then.
    pub fn compact(&mut self) -> Result<(), LedgerError> {
        let text = encode(&Record::Entries(self.entries.clone()))?;
        Ok(self.journal.compact(text.as_bytes())?)
    }

    /// The journal's storage.
    pub fn into_storage(self) -> S {
        self.journal.into_storage()
    }

    fn write(&mut self, record: &Record) -> Result<(), LedgerError> {
        self.journal.append(encode(record)?.as_bytes())?;
        Ok(self.journal.sync()?)
    }
}

fn encode(record: &Record) -> Result<String, LedgerError> {
    serde_json::to_string(record)
        .map_err(|reason| LedgerError::Record { record: 0, reason: reason.to_string() })
}
