use super::{Journal, JournalError, Storage};
use crate::sync::{Mutex, MutexGuard};

/// A journal that many threads write: whoever waits for its record to be durable makes those of all others durable with it.
///
/// Group commit (DeWitt et al. 1984, "Implementation techniques for main memory database systems"): while one sync runs,
/// records gather, and the next sync takes them all. Records keep the order of [`GroupJournal::append`].
///
/// ```
/// use coordination::journal::{GroupJournal, Journal, MemoryStorage};
/// let (journal, _) = Journal::open(MemoryStorage::default())?;
/// let group = GroupJournal::new(journal);
/// let (first, second) = (group.append(b"1")?, group.append(b"2")?);
/// group.commit(second)?;
/// group.commit(first)?;
/// assert_eq!(group.syncs(), 1, "the second's sync took the first along");
/// # Ok::<(), coordination::journal::JournalError>(())
/// ```
#[derive(Debug)]
pub struct GroupJournal<S> {
    queue: Mutex<Queue>,
    journal: Mutex<Journal<S>>,
}

#[derive(Debug, Default)]
struct Queue {
    records: Vec<Vec<u8>>,
    appended: u64,
    durable: u64,
    syncs: u64,
    broken: bool,
}

/// The place of a record among those appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl<S: Storage> GroupJournal<S> {
    /// A group over `journal`.
    pub fn new(journal: Journal<S>) -> Self {
        Self { queue: Mutex::new(Queue::default()), journal: Mutex::new(journal) }
    }

    /// Appends one record: JSON text without a line feed. It is not durable yet.
    ///
    /// # Errors
    /// [`JournalError::LineFeed`]; [`JournalError::Broken`] after a failed write.
    pub fn append(&self, record: &[u8]) -> Result<Position, JournalError> {
        if record.contains(&b'\n') {
            return Err(JournalError::LineFeed);
        }
        let mut queue = self.queue();
        if queue.broken {
            return Err(JournalError::Broken);
        }
        queue.records.push(record.to_vec());
        queue.appended += 1;
        Ok(Position(queue.appended))
    }

    /// Returns when the record at `position`, and all before it, are durable.
    ///
    /// # Errors
    /// [`JournalError::Io`] for whoever's write failed, [`JournalError::Broken`] for all others after it: what was not
    /// durable before may or may not be. Open the journal again.
    pub fn commit(&self, position: Position) -> Result<(), JournalError> {
        if self.queue().durable >= position.0 {
            return Ok(());
        }
        let mut journal = self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (records, appended) = {
            let mut queue = self.queue();
            if queue.durable >= position.0 {
                return Ok(());
            }
            if queue.broken {
                return Err(JournalError::Broken);
            }
            (std::mem::take(&mut queue.records), queue.appended)
        };
        let written = records.iter().try_for_each(|r| journal.append(r)).and_then(|()| journal.sync());
        let mut queue = self.queue();
        match written {
            Ok(()) => {
                queue.durable = appended;
                queue.syncs += 1;
            }
            Err(_) => queue.broken = true,
        }
        written
    }

    /// How often storage was synced.
    pub fn syncs(&self) -> u64 {
        self.queue().syncs
    }

    /// The journal, without records that nobody committed.
    pub fn into_journal(self) -> Journal<S> {
        self.journal.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
