use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

use super::Ticket;

/// Why an update is not taken or cannot end. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// It needs more than there is in all.
    #[error(
        "coordination: '{component}' asks for {asked} units of a capacity of {capacity}; allowed: 1 to {capacity}"
    )]
    Units {
        /// Who asked.
        component: String,
        /// For how many.
        asked: u32,
        /// Of how many.
        capacity: u32,
    },
    /// A dependency was never submitted here.
    #[error("coordination: '{component}' depends on update {}, which was never submitted", .dependency.number())]
    UnknownDependency {
        /// Who depends.
        component: String,
        /// On what.
        dependency: Ticket,
    },
    /// A dependency ended badly.
    #[error("coordination: '{component}' depends on update {}, which failed or was cancelled", .dependency.number())]
    FailedDependency {
        /// Who depends.
        component: String,
        /// On what.
        dependency: Ticket,
    },
    /// A child wants what its parent does not hold.
    #[error(
        "coordination: '{component}' asks for keys that its parent, update {}, does not hold; declare them in the parent \
         or submit it after the parent",
        .parent.number()
    )]
    BeyondParent {
        /// Who asked.
        component: String,
        /// Whose child.
        parent: Ticket,
    },
    /// It is not running: never granted, or ended before.
    #[error("coordination: update {} is not running", .0.number())]
    NotRunning(Ticket),
    /// It has children that have not ended.
    #[error("coordination: update {} has {children} children that have not ended", .ticket.number())]
    Children {
        /// Whose.
        ticket: Ticket,
        /// How many.
        children: u32,
    },
}

impl Classify for AdmitError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Units { .. } => ErrorKind::Config,
            Self::FailedDependency { .. } => ErrorKind::Permanent,
            _ => ErrorKind::InvalidInput,
        }
    }
}
