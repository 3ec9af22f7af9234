//! The run directory: everything about a run in one place, with the event log as its only record.
//!
//! | file | what | from |
//! |---|---|---|
//! | `config.resolved.yaml` | what is run | written once |
//! | `events.jsonl` | the log | appended, checksummed |
//! | `checkpoints/` | saved optimizer states | rebuilt from the log when missing |
//! | `cache/` | model answers by content | may be deleted |
//! | `candidates/NNNN.yaml`, `best.yaml` | texts | rebuilt from the log |
//! | `calls-N.csv`, `latency-N.csv` | every model call of the N-th session, and its time | observation; not compared |
//! | `models.jsonl` | sums of each session's model calls and retries | observation; not compared |
//! | `ledger.csv` | what each trial and query used | rebuilt from the log; uncertain spending from `uncertain.jsonl` |
//! | `timing.jsonl` | wall-clock time a session | beside the log, takes part in no comparison |
//! | `LOCK`, `STOP` | one process at a time; touch `STOP` to pause | |

mod directory;
mod ledger;

pub use directory::RunDirectory;
pub use ledger::ledger_csv;
