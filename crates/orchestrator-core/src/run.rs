//! The run loop: from an optimizer's wishes to a log that can be replayed.
//!
//! [`open`] takes the log's storage, an optimizer ([`Search`]), an evaluator and a [`Proposer`], and gives a
//! [`Driver`]. The driver does the same things whether the log is empty or holds a run that was cut short: recorded
//! scores and replies stand in for calls, and everything else must come out as recorded, byte for byte.

mod collected;
mod driver;
mod error;
mod observer;
mod options;
mod proposer;
mod record;
mod search;
mod state;
mod tape;

pub use driver::{Driver, Ending};
pub use error::RunError;
pub use observer::{Observer, Progress};
pub use options::Options;
pub use proposer::{Effort, Proposal, Proposer};
pub use record::{Phase, REPORT_TRIALS, Record, read_draws, write_draws};
pub use search::{Credit, Search};
pub use state::{Point, RunState, Spend};

use coordination::journal::Storage;
use meta_traits::{Components, Evaluator};

/// Opens a run on the log in `storage`: a new one if it is empty, else the recorded one.
///
/// # Errors
/// [`RunError::Journal`] when the log cannot be read or is damaged; [`RunError::Report`] when the budget does not pay
/// for the final scoring.
pub fn open<'a>(
    storage: Box<dyn Storage + Send>,
    search: Box<dyn Search + 'a>,
    evaluator: &'a dyn Evaluator<Components>,
    proposer: &'a dyn Proposer,
    observer: &'a mut dyn Observer,
    options: Options<'a>,
) -> Result<Driver<'a>, RunError> {
    Driver::new(tape::Tape::open(storage)?, search, evaluator, proposer, observer, options)
}
