//! Exit codes.

use meta_traits::{Classify as _, ErrorKind};
use orchestrator_core::Error;
use orchestrator_core::run::RunError;

/// All went well.
pub(crate) const OK: u8 = 0;
/// The configuration, the data or the command line is wrong.
pub(crate) const CONFIG: u8 = 2;
/// The budget ran out before anything better than the seed was found.
pub(crate) const NO_IMPROVEMENT: u8 = 3;
/// A model, an evaluator or another provider failed.
pub(crate) const PROVIDER: u8 = 4;
/// The system is worse than its baseline.
pub(crate) const REGRESSION: u8 = 5;
/// Paused by the user; the run can be resumed.
pub(crate) const PAUSED: u8 = 130;

/// The code of an error.
pub(crate) fn code(error: &Error) -> u8 {
    if let Error::Run(RunError::Evaluator { .. }) = error {
        return PROVIDER;
    }
    match error.kind() {
        ErrorKind::Config | ErrorKind::InvalidInput | ErrorKind::Corrupt => CONFIG,
        ErrorKind::Budget => NO_IMPROVEMENT,
        ErrorKind::Protocol | ErrorKind::Numerical | ErrorKind::Transient | ErrorKind::Permanent => PROVIDER,
        ErrorKind::Cancelled => PAUSED,
        _ => 1,
    }
}
