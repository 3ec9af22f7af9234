use std::io;

use meta_traits::{Classify, ErrorKind};

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Storage failed.
    #[error("cannot {doing} the log: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A line is not what was written.
    #[error("log line {line} is damaged: {why}. Restore the file from a copy; nothing was changed")]
    Corrupt {
        /// The line, from 1.
        line: u64,
        /// What does not check.
        why: &'static str,
    },
    /// A write failed before, and nobody knows how much of it was written.
    #[error("the log is not written any more since a write failed; open it again")]
    Broken,
    /// A record with a line feed in it.
    #[error("a record must be JSON text on one line")]
    LineFeed,
}

impl JournalError {
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

impl Classify for JournalError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } | Self::Broken => ErrorKind::Permanent,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::LineFeed => ErrorKind::Bug,
        }
    }
}
