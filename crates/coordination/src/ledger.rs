//! Effects that happen once, whatever is tried again, crashes or comes late.

use std::collections::{BTreeMap, BTreeSet};

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
/// An attempt under way is a lease ([`Ledger::leases`]): it is derived from the journal and counted nowhere else, so that no
/// crash leaks one.
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
    /// Attempts that have not ended.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    open: BTreeSet<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<String>,
}

impl Entry {
    fn begin(&mut self) -> u32 {
        self.attempts += 1;
        self.open.insert(self.attempts);
        self.attempts
    }

    /// Takes the first result; whoever is still at it takes part no more.
    fn done(&mut self, result: String) {
        self.result = Some(result);
        self.open.clear();
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    Begun { key: String },
    Done { key: String, attempt: u32, result: String },
    Failed { key: String, attempt: u32 },
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
                Record::Begun { key } => _ = entries.entry(key).or_default().begin(),
                Record::Done { key, result, .. } => entries.entry(key).or_default().done(result),
                Record::Failed { key, attempt } => _ = entries.entry(key).or_default().open.remove(&attempt),
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
        Ok(Begun::Attempt(self.entries.entry(key.into()).or_default().begin()))
    }

    /// Takes the result of an attempt: `None` if it is the first for its key, and durable; otherwise the first one.
    ///
    /// # Errors
    /// [`LedgerError::Unknown`], [`LedgerError::Journal`]; nothing was taken then.
    pub fn apply(&mut self, key: &str, attempt: u32, result: &str) -> Result<Option<String>, LedgerError> {
        if let Some(first) = &self.begun(key, attempt)?.result {
            return Ok(Some(first.clone()));
        }
        self.write(&Record::Done { key: key.into(), attempt, result: result.into() })?;
        self.entries.entry(key.into()).or_default().done(result.into());
        Ok(None)
    }

    /// Ends an attempt that came to nothing, for sure: its effect did not happen. Durable on return.
    ///
    /// # Errors
    /// [`LedgerError::Unknown`], [`LedgerError::Journal`]; the attempt has not ended then.
    pub fn fail(&mut self, key: &str, attempt: u32) -> Result<(), LedgerError> {
        if self.begun(key, attempt)?.open.contains(&attempt) {
            self.write(&Record::Failed { key: key.into(), attempt })?;
            self.entries.entry(key.into()).or_default().open.remove(&attempt);
        }
        Ok(())
    }

    /// The entry of an attempt that was begun.
    fn begun(&self, key: &str, attempt: u32) -> Result<&Entry, LedgerError> {
        let entry = self.entries.get(key);
        let begun = entry.map_or(0, |e| e.attempts);
        let known = entry.filter(|_| (1..=begun).contains(&attempt));
        known.ok_or_else(|| LedgerError::Unknown { key: key.into(), attempt, begun })
    }

    /// The result of the effect `key`, if it has happened.
    pub fn result(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.result.as_deref()
    }

    /// Attempts that have not ended, at effects that have not happened.
    pub fn leases(&self) -> impl Iterator<Item = (&str, u32)> {
        let open = self.entries.iter().filter(|(_, e)| e.result.is_none());
        open.flat_map(|(key, e)| e.open.iter().map(|attempt| (key.as_str(), *attempt)))
    }

    /// Effects that have an open attempt and no result: after a crash nobody knows whether they happened.
    pub fn uncertain(&self) -> impl Iterator<Item = &str> {
        let open = self.entries.iter().filter(|(_, e)| e.result.is_none() && !e.open.is_empty());
        open.map(|(key, _)| key.as_str())
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
