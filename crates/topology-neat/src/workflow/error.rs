use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// Why something is no workflow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The library cannot make workflows.
    #[error("workflow library: {what} has {why}")]
    Library {
        /// The kind.
        what: &'static str,
        /// What is wrong and what to do.
        why: &'static str,
    },
    /// An option of the search is outside its range.
    #[error("workflow search: {field} = {value} is outside its range; allowed: {allowed}")]
    Option {
        /// The field.
        field: &'static str,
        /// The value found.
        value: String,
        /// The range, in words.
        allowed: &'static str,
    },
    /// Too many modules, or too many inputs of one.
    #[error("workflow: {what} = {found}; allowed: up to {most}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A module reads from one that is not there or not before it.
    #[error(
        "workflow: module {module} reads {from}; allowed: 0 (the task) and modules that do not depend on it"
    )]
    Order {
        /// The reader, from 1; one past the last is the output.
        module: usize,
        /// What it reads.
        from: usize,
    },
    /// A module works on answers and reads none.
    #[error("workflow: module {module} ({kind}) reads no answer; let it read one that answers")]
    Type {
        /// The module, from 1; one past the last is the output.
        module: usize,
        /// Its kind.
        kind: &'static str,
    },
    /// No way leads from the task to the output.
    #[error("workflow: no way leads from the task to the output; join them through a module that answers")]
    Dead,
}

impl Classify for WorkflowError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}
