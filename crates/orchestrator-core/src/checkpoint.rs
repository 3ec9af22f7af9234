//! Saved optimizer states, so that resuming a long run need not replay its whole log.
//!
//! A checkpoint names the number of events it stands for and the log's checksum there. One that does not fit the log,
//! or is damaged, is passed over: the log alone is enough.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use coordination::journal::checksums;
use meta_traits::Envelope;
use serde::{Deserialize, Serialize};

use crate::run::RunError;

/// How many files are kept.
const KEPT: usize = 3;

/// One saved state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Events it stands for.
    pub events: u64,
    /// The log's checksum after those events.
    pub checksum: u32,
    /// The optimizer's state.
    pub search: Envelope,
}

/// The checkpoints of one run, in a directory.
///
/// The next one is due when the log has grown by the larger of `every` events and a tenth of its length, so that all
/// checkpoints together cost a constant share of the run however long it gets; or where metric calls are counted, after so
/// many.
#[derive(Debug)]
pub struct Checkpoints {
    directory: PathBuf,
    every: Every,
    /// Events and metric calls at the last one.
    last: (u64, u64),
}

/// How far checkpoints lie apart, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// So many events, and a tenth of the log.
    Events(u64),
    /// So many metric calls.
    Calls(u64),
}

impl Checkpoints {
    /// Checkpoints in `directory`.
    pub fn new(directory: &Path, every: Every) -> Self {
        Self { directory: directory.to_owned(), every, last: (0, 0) }
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten().map(|e| e.path());
        let mut files: Vec<_> = entries.filter(|p| p.extension().is_some_and(|x| x == "json")).collect();
        files.sort();
        files
    }

    /// The newest checkpoint that fits a log of these records.
    pub(crate) fn newest_for<'r>(&mut self, records: impl Iterator<Item = &'r str>) -> Option<Checkpoint> {
        let saved: Vec<Checkpoint> = self
            .files()
            .iter()
            .rev()
            .filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok())
            .collect();
        if saved.is_empty() {
            return None;
        }
        let sums: Vec<u32> = checksums(records).collect();
        let fits = |c: &Checkpoint| c.events > 0 && sums.get(c.events as usize - 1) == Some(&c.checksum);
        let found = saved.into_iter().find(fits)?;
        self.last = (found.events, 0);
        Some(found)
    }

    /// Whether a checkpoint is worth its price after so many events and metric calls.
    pub(crate) fn is_due(&self, events: u64, calls: u64) -> bool {
        let (event, call) = self.last;
        match self.every {
            Every::Events(every) => events >= event + every.max(1).max(event / 10),
            Every::Calls(every) => calls >= call + every.max(1),
        }
    }

    /// Writes a checkpoint: to a temporary file first, then renamed.
    pub(crate) fn save(
        &mut self,
        (events, calls): (u64, u64),
        checksum: u32,
        search: Envelope,
    ) -> Result<(), RunError> {
        let path = self.directory.join(format!("{events:010}.json"));
        let body = serde_json::to_vec(&Checkpoint { events, checksum, search })
            .map_err(|e| RunError::Log { message: format!("a checkpoint cannot be written: {e}") })?;
        write_atomically(&path, &body)?;
        self.last = (events, calls);
        let files = self.files();
        for old in &files[..files.len().saturating_sub(KEPT)] {
            // An old file that stays behind does no harm.
            let _ = fs::remove_file(old);
        }
        Ok(())
    }
}

/// Writes a file so that a reader finds the old content or the new, never a mixture.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let io = |source| RunError::Io { path: path.display().to_string(), source };
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io)?;
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let mut file = fs::File::create(&part).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_data()).map_err(io)?;
    fs::rename(&part, path).map_err(io)
}
