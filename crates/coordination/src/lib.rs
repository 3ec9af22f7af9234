//! Orders updates, guards budgets, and keeps the journal that a run can be rebuilt from.
//!
//! - [`Admission`] lets an update start when it can have all that it declared: nothing deadlocks, and past a bound nothing
//!   is overtaken. A value that is told the time: the same calls give the same grants.
//! - [`Coordinator`] is its asynchronous edge, with a [`Meter`](meta_traits::Meter) that no reservation can overspend.
//! - [`Coordinator::run`] joins work to both, with timeouts and [`Retry`]; [`Patience`] learns how long to wait.
//! - [`Ledger`] lets an effect happen once, whatever is tried again.
//! - [`plan`] orders the steps of a round and names circles; [`resolve`] settles what they ask for together.
//! - [`journal`] is an append-only log of JSON records with chained checksums, torn-tail recovery and injected storage. It
//!   is the only record of a run: whatever else a run directory holds can be rebuilt from it.
//! - [`timeline`] draws who ran, who waited for whom, and how it ended.
//! - [`budget`] reserves enforced caps and divides a budget among components; [`approx`] tells them to work cheaper as it
//!   runs short; [`memory`] keeps within a measured limit.
//! - [`predict`] learns what tasks of each component use, as quantiles that hold.
//! - [`Governor`] joins these three and prediction: what a run may use, and how components are to work within it.
//! - [`regularise`] keeps what learns across tasks from learning them by heart.
//! - [`CoordinationConfig`] holds the settings with their ranges.
//!
//! ```
//! use coordination::journal::{Journal, MemoryStorage};
//! let (mut journal, recovered) = Journal::open(MemoryStorage::default())?;
//! assert!(recovered.records.is_empty());
//! journal.append(br#"{"hello":1}"#)?;
//! journal.flush()?;
//! let (_, recovered) = Journal::open(journal.into_storage())?;
//! assert_eq!(recovered.records, [r#"{"hello":1}"#]);
//! # Ok::<(), coordination::journal::JournalError>(())
//! ```

pub mod approx;
pub mod budget;
pub mod journal;
pub mod memory;
pub mod plan;
pub mod predict;
pub mod regularise;
pub mod resolve;
pub mod timeline;

mod admit;
mod clock;
mod component;
mod config;
mod coordinator;
mod governor;
mod key;
mod ledger;
mod once;
mod patience;
mod retry;
mod run;
mod settings;
mod sync;
mod update;

pub use admit::{Admission, AdmitError, Notice, Stop, Ticket, Why};
pub use clock::{Clock, MachineClock, ManualClock};
pub use component::Component;
pub use coordinator::{CoordinateError, Coordinator, Grant, Pass};
pub use governor::{Ended, GovernError, Governor, Limits, Permit};
pub use key::{Access, Key, Keys, Mode};
pub use ledger::{Begun, Ledger, LedgerError};
pub use once::{OnceError, SharedLedger};
pub use patience::Patience;
pub use retry::Retry;
pub use run::RunError;
pub use update::Update;

pub use config::{AllocationStrategy, ConfigError, CoordinationConfig};
