use std::time::Duration;

use inference::InferenceError;
use meta_traits::{Classify, Cost, ErrorKind};

use super::ModuleTrace;

/// What can be wrong with a compound system, its candidates, or one execution of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// The description does not parse.
    #[error("config: {message}")]
    Parse {
        /// Where and what.
        message: String,
    },
    /// The description parses and makes no sense.
    #[error("config: {path} {message}")]
    Spec {
        /// The faulty entry, such as `system.flow[2]`.
        path: String,
        /// What is wrong, what is allowed, what to do.
        message: String,
    },
    /// A corpus cannot be read.
    #[error("config: {path} reads the corpus {file}: {message}")]
    Corpus {
        /// The entry that names it.
        path: String,
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// A candidate that cannot be run.
    #[error("candidate: component '{component}' {message}")]
    Candidate {
        /// The component.
        component: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// An example's input lacks what the system declares.
    #[error("input: {message}")]
    Input {
        /// What is missing and what is there.
        message: String,
    },
    /// A template failed on these values.
    #[error("module '{module}': {message}")]
    Render {
        /// The module.
        module: String,
        /// What happened.
        message: String,
    },
    /// A model call failed.
    #[error("module '{module}': {source}")]
    Model {
        /// The module.
        module: String,
        /// The client's reason.
        #[source]
        source: InferenceError,
    },
    /// The model cannot score labels.
    #[error(
        "module '{module}': {model} cannot score labels; set `choose: generate`, or use a model of the embedded engine"
    )]
    CannotScore {
        /// The module.
        module: String,
        /// The model.
        model: String,
    },
    /// A model scored labels, and no score is a number.
    #[error("module '{module}': the model gave no label a finite score; check the model file or the prompt")]
    NoScore {
        /// The module.
        module: String,
    },
    /// A value for which a branch or route has neither case nor default.
    #[error("{place} has no case for '{value}' and no default; add one of them")]
    NoCase {
        /// The step or module.
        place: String,
        /// The value.
        value: String,
    },
    /// A tool failed.
    #[error("module '{module}': {fault}")]
    Tool {
        /// The module.
        module: String,
        /// What happened.
        #[source]
        fault: ToolFault,
    },
}

impl Classify for SystemError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse { .. } | Self::Spec { .. } | Self::Corpus { .. } => ErrorKind::Config,
            Self::Candidate { .. } | Self::Input { .. } | Self::Render { .. } | Self::NoCase { .. } => {
                ErrorKind::InvalidInput
            }
            Self::Model { source, .. } => source.kind(),
            Self::CannotScore { .. } => ErrorKind::Permanent,
            Self::NoScore { .. } => ErrorKind::Numerical,
            Self::Tool { fault, .. } => fault.kind(),
        }
    }
}

/// How a tool can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolFault {
    /// The program cannot be started.
    #[error("cannot start '{program}': {reason}. Install it, or correct `command`")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// The program ended with a fault.
    #[error("'{program}' ended with {status}: {stderr}")]
    Exit {
        /// The program.
        program: String,
        /// Exit code or signal.
        status: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// No answer in time; the program was stopped.
    #[error("no answer from '{tool}' within {after:?}; raise `timeout_s` or make it faster")]
    Timeout {
        /// The program or address.
        tool: String,
        /// The limit.
        after: Duration,
    },
    /// The answer is not UTF-8 text.
    #[error("the answer of '{tool}' is not UTF-8 (first at byte {at}); tools must answer with text")]
    NotText {
        /// The program or address.
        tool: String,
        /// Position of the first offending byte.
        at: usize,
    },
    /// The answer is longer than allowed.
    #[error("the answer of '{tool}' is longer than {limit} bytes; raise `max_bytes` or let it answer less")]
    TooLong {
        /// The program or address.
        tool: String,
        /// The limit.
        limit: usize,
    },
    /// Reading or writing the program's pipes failed.
    #[error("talking to '{tool}' failed: {reason}")]
    Pipe {
        /// The program or address.
        tool: String,
        /// The system's reason.
        reason: String,
    },
    /// The address did not answer, or answered with a refusal.
    #[error("POST to {url}: {reason}")]
    Http {
        /// The address without query or user part.
        url: String,
        /// Status or transport error.
        reason: String,
        /// Whether trying again may help.
        transient: bool,
    },
}

impl Classify for ToolFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Start { .. } => ErrorKind::Config,
            Self::Exit { .. } | Self::Http { transient: false, .. } => ErrorKind::Permanent,
            Self::Timeout { .. } | Self::Pipe { .. } | Self::Http { transient: true, .. } => {
                ErrorKind::Transient
            }
            Self::NotText { .. } | Self::TooLong { .. } => ErrorKind::Protocol,
        }
    }
}

/// An execution that did not reach its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Failure {
    /// Why.
    #[source]
    pub error: SystemError,
    /// What was spent all the same.
    pub cost: Cost,
    /// What ran until then; empty unless a trace was asked for.
    pub trace: Vec<ModuleTrace>,
}

impl Failure {
    pub(super) fn free(error: SystemError) -> Box<Self> {
        Box::new(Self { error, cost: Cost::ZERO, trace: Vec::new() })
    }
}

impl Classify for Failure {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}
