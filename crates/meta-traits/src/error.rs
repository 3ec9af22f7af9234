use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{QueryId, TrialId};

/// What sort of fault an error is: enough to decide on retry, exit code and advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The user's configuration is wrong.
    Config,
    /// The user's data or a candidate is wrong.
    InvalidInput,
    /// A peer (model server, evaluator process) broke its protocol.
    Protocol,
    /// A computation left the finite numbers.
    Numerical,
    /// A limit of the budget is reached.
    Budget,
    /// May succeed when tried again: overload, time-out, reset.
    Transient,
    /// Will fail again: refused key, unknown model.
    Permanent,
    /// The caller asked to stop.
    Cancelled,
    /// Stored bytes are not what was written.
    Corrupt,
    /// A fault of this program.
    Bug,
}

/// Errors that know their [`ErrorKind`].
pub trait Classify: core::error::Error {
    /// The sort of fault.
    fn kind(&self) -> ErrorKind;

    /// Whether the same call may succeed later.
    fn retryable(&self) -> bool {
        self.kind() == ErrorKind::Transient
    }
}

/// A report to an optimizer or selector that it cannot take. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TellError {
    /// No trial of this id is pending: it was never asked for, or was told before.
    UnknownTrial(TrialId),
    /// No query of this id is pending.
    UnknownQuery(QueryId),
    /// No choice of this id awaits a reward.
    UnknownChoice(u64),
    /// The report does not fit the trial (wrong number of losses, foreign examples, ...).
    Mismatch(String),
}

impl fmt::Display for TellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTrial(id) => write!(f, "trial {} is not pending; tell each asked trial once", id.0),
            Self::UnknownQuery(id) => write!(f, "query {} is not pending; answer each query once", id.0),
            Self::UnknownChoice(id) => write!(f, "choice {id} awaits no reward; reward each choice once"),
            Self::Mismatch(why) => write!(f, "the report does not fit its trial: {why}"),
        }
    }
}

impl core::error::Error for TellError {}

impl Classify for TellError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}

/// A snapshot that cannot be restored. The object is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The envelope holds another kind of state.
    Schema {
        /// What this object restores.
        expected: String,
        /// What the envelope holds.
        found: String,
    },
    /// The envelope was written by a newer version.
    Version {
        /// The newest version this program reads.
        newest: u32,
        /// The version found.
        found: u32,
    },
    /// The body does not parse, or breaks an invariant of the state.
    Body(String),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema { expected, found } => {
                write!(f, "snapshot holds '{found}', this object restores '{expected}'")
            }
            Self::Version { newest, found } => {
                write!(f, "snapshot version {found} is newer than {newest}; use a newer program")
            }
            Self::Body(why) => write!(f, "snapshot body is not usable: {why}"),
        }
    }
}

impl core::error::Error for RestoreError {}

impl Classify for RestoreError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}
