use coordination::journal::JournalError;
use meta_traits::{Classify, ErrorKind, RestoreError, TellError};

/// What ends a run for good. One failed evaluation never does; see [`RunError::Evaluator`] for when many do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The event log cannot be read or written.
    #[error("events.jsonl: {0}")]
    Journal(#[from] JournalError),
    /// The event log checks, but its content is not that of a run.
    #[error("events.jsonl: {message}. The log was written by another version, or edited")]
    Log {
        /// What is wrong.
        message: String,
    },
    /// What is being run is not what the log was made with.
    #[error("resume: {what} changed since the run started. Start a new run, or restore it")]
    Changed {
        /// What changed.
        what: String,
    },
    /// The same run took another course than recorded.
    #[error(
        "resume: event {event} differs from the log (recorded {recorded}; now {now}). Config, data or program changed: start a new run"
    )]
    Diverged {
        /// Number of the event, from 0.
        event: u64,
        /// Start of the recorded line.
        recorded: String,
        /// Start of what would be written now.
        now: String,
    },
    /// Evaluations keep failing, or failed in a way that will not change.
    #[error(
        "evaluator: {failed} of {calls} calls failed (first: {first}). Stopped after {calls}, ${usd:.2} spent"
    )]
    Evaluator {
        /// Failed metric calls.
        failed: u64,
        /// Metric calls made.
        calls: u64,
        /// The first failure and where it happened.
        first: String,
        /// Money spent.
        usd: f64,
        /// The sort of fault.
        kind: ErrorKind,
    },
    /// Nobody writes new texts.
    #[error("proposer: {times} queries in a row failed (last: {last}). Check the proposer, then resume")]
    Proposer {
        /// How many.
        times: u64,
        /// Why the last one failed.
        last: String,
    },
    /// The budget does not allow a single round.
    #[error("budget: {have} calls cannot finish one round: {need_for}. Use at least {need}")]
    BudgetTooSmall {
        /// The budget.
        have: u64,
        /// What a round takes, in words.
        need_for: String,
        /// The least that works.
        need: u64,
    },
    /// The budget does not even pay for the final scoring.
    #[error("{0}, for scoring seed and winner on the test split. Raise the budget, or lower report.examples")]
    Report(meta_traits::Exhausted),
    /// An optimizer refused a report of its own trial.
    #[error("the optimizer refused its own trial: {0}. This is a fault of the program")]
    Tell(#[from] TellError),
    /// A checkpoint cannot be taken up.
    #[error("checkpoint: {0}")]
    Restore(#[from] RestoreError),
    /// The path is not a run directory.
    #[error(
        "{path} is no run directory (it has no config.resolved.yaml). Give a directory that `metaorch run` made"
    )]
    NotARun {
        /// The path.
        path: String,
    },
    /// Another process works on the run.
    #[error("{path} is in use by another process. Wait for it, or touch {path}/STOP to pause it")]
    Locked {
        /// The path.
        path: String,
    },
    /// The optimizer waits with nothing pending.
    #[error("the optimizer waits although nothing is pending. This is a fault of the program")]
    Stuck,
    /// A file of the run cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl Classify for RunError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal(e) => e.kind(),
            Self::Log { .. } | Self::Restore(_) => ErrorKind::Corrupt,
            Self::Changed { .. }
            | Self::Diverged { .. }
            | Self::BudgetTooSmall { .. }
            | Self::Report(_)
            | Self::NotARun { .. }
            | Self::Locked { .. } => ErrorKind::Config,
            Self::Evaluator { kind, .. } => *kind,
            Self::Tell(_) | Self::Stuck => ErrorKind::Bug,
            Self::Io { .. } | Self::Proposer { .. } => ErrorKind::Permanent,
        }
    }
}
