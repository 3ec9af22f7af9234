use std::collections::VecDeque;

use coordination::journal::{Journal, Recovered, Storage};

use crate::run::{Record, RunError};

/// The event log seen by the run loop: first it plays back what was recorded, then it records.
///
/// The loop does the same in both modes. What it would write is compared with what was written, byte for byte; what
/// came from outside (scores, replies) is taken from the record while there is one.
pub(crate) struct Tape {
    journal: Journal<Box<dyn Storage + Send>>,
    recorded: VecDeque<String>,
    position: u64,
    line: Vec<u8>,
}

impl Tape {
    /// A tape at its beginning.
    pub(crate) fn open(storage: Box<dyn Storage + Send>) -> Result<Self, RunError> {
        let (journal, Recovered { records, .. }) = Journal::open(storage)?;
        Ok(Self { journal, recorded: records.into(), position: 0, line: Vec::new() })
    }

    /// Everything recorded that was not played back yet.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = &str> {
        self.recorded.iter().map(String::as_str)
    }

    /// Whether the next event comes from the record.
    pub(crate) fn is_replaying(&self) -> bool {
        !self.recorded.is_empty()
    }

    /// Number of events played back or written.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Checksum of the whole log. Meaningful once nothing is left to play back.
    pub(crate) fn checksum(&self) -> u32 {
        self.journal.checksum()
    }

    /// Writes `record`, or checks that it is what was written here before.
    pub(crate) fn log(&mut self, record: &Record) -> Result<(), RunError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)
            .map_err(|e| RunError::Log { message: format!("an event cannot be written: {e}") })?;
        if let Some(recorded) = self.recorded.pop_front() {
            if recorded.as_bytes() != self.line {
                let start = |text: &str| text.chars().take(80).collect::<String>();
                return Err(RunError::Diverged {
                    event: self.position,
                    recorded: start(&recorded),
                    now: start(&String::from_utf8_lossy(&self.line)),
                });
            }
        } else {
            self.journal.append(&self.line)?;
        }
        self.position += 1;
        Ok(())
    }

    /// The next recorded event, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, RunError> {
        let Some(text) = self.recorded.pop_front() else { return Ok(None) };
        self.position += 1;
        parse(&text).map(Some)
    }

    /// The next recorded event if it ends the search.
    pub(crate) fn next_if_stop(&mut self) -> Result<Option<Record>, RunError> {
        match self.recorded.front().map(|text| parse(text)).transpose()? {
            Some(Record::Stop { .. }) => self.next(),
            _ => Ok(None),
        }
    }

    /// Passes over `n` events without looking at them (a checkpoint stands for them).
    pub(crate) fn skip(&mut self, n: u64) -> Result<Vec<Record>, RunError> {
        let mut passed = Vec::new();
        for _ in 0..n {
            let Some(record) = self.next()? else {
                return Err(RunError::Log { message: "it is shorter than its checkpoint".into() });
            };
            passed.push(record);
        }
        Ok(passed)
    }

    /// Hands what was written to the file system.
    pub(crate) fn flush(&mut self) -> Result<(), RunError> {
        Ok(self.journal.flush()?)
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> Result<(), RunError> {
        Ok(self.journal.sync()?)
    }
}

/// Reads one recorded event.
pub(crate) fn parse(text: &str) -> Result<Record, RunError> {
    serde_json::from_str(text)
        .map_err(|e| RunError::Log { message: format!("an event is not readable: {e}") })
}
