use std::path::PathBuf;
use std::time::Duration;

use meta_traits::{Classify, ErrorKind};

use crate::Usage;

/// What can go wrong between a request and its answer. No variant ever holds a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The endpoint refused the key.
    #[error(
        "{status} from {endpoint}: the key from {key_from} was refused. Nothing was spent. Check the key, then run `metaorch check`"
    )]
    Auth {
        /// HTTP status.
        status: u16,
        /// Host and path, without query or user part.
        endpoint: String,
        /// Name of the environment variable the key came from.
        key_from: String,
    },
    /// The key's environment variable is not set.
    #[error("no key for {endpoint}: set the environment variable {key_from}")]
    NoKey {
        /// Host and path.
        endpoint: String,
        /// Name of the environment variable.
        key_from: String,
    },
    /// The account has no money or allowance left; asking again later does not help until somebody pays.
    #[error("{status} from {endpoint}: no allowance left: {message}. Raise the limit or top up the account")]
    Quota {
        /// HTTP status.
        status: u16,
        /// Host and path.
        endpoint: String,
        /// What the endpoint says.
        message: String,
    },
    /// The provider withheld the answer, or the model refused to give one.
    #[error("{endpoint} withheld the answer: {message}. Change the prompt or the provider's filter")]
    Filtered {
        /// Host and path.
        endpoint: String,
        /// What the endpoint says.
        message: String,
        /// What it charges all the same; nothing where it does not say.
        usage: Usage,
    },
    /// A hosted model cannot read that much.
    #[error("{status} from {endpoint}: the prompt is too long: {message}. Shorten it or use another model")]
    ContextExceeded {
        /// HTTP status.
        status: u16,
        /// Host and path.
        endpoint: String,
        /// What the endpoint says.
        message: String,
    },
    /// The endpoint asks to slow down.
    #[error(
        "429 from {endpoint}: too many requests. {} or lower `concurrency`",
        wait.map_or_else(|| "Wait".to_owned(), |wait| format!("Wait {wait:?}"))
    )]
    RateLimited {
        /// Host and path.
        endpoint: String,
        /// The endpoint's own advice.
        wait: Option<Duration>,
    },
    /// Any other refusal.
    #[error("{status} from {endpoint}: {message}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Host and path.
        endpoint: String,
        /// The start of the body.
        message: String,
        /// The endpoint's advice on when to ask again.
        wait: Option<Duration>,
    },
    /// An address, key or header that no request can be made of. The message never repeats it.
    #[error("endpoint: {message}")]
    Endpoint {
        /// What is wrong and what is allowed.
        message: String,
    },
    /// Nobody answers there.
    #[error("cannot reach {endpoint}: {message}. Check the address and that the server runs")]
    Unreachable {
        /// Host and path.
        endpoint: String,
        /// The system's reason.
        message: String,
    },
    /// The endpoint kept failing, so it is not asked until a wait is over.
    #[error(
        "{endpoint} is not asked for another {wait:.0?} because it kept failing; nothing was spent. Last failure: {message}"
    )]
    CircuitOpen {
        /// Host and path, or the model's identity.
        endpoint: String,
        /// Until it is tried again.
        wait: Duration,
        /// The last failure seen by this call.
        message: String,
    },
    /// No answer in time.
    #[error("no answer from {endpoint} within {after:?}; raise `timeout_s` or check the server")]
    Timeout {
        /// Host and path, or `embedded`.
        endpoint: String,
        /// The limit.
        after: Duration,
    },
    /// An answer that does not follow the protocol.
    #[error("answer from {endpoint} is not understood: {message}")]
    Protocol {
        /// Host and path.
        endpoint: String,
        /// What is wrong with it.
        message: String,
    },
    /// The model cannot do this.
    #[error("{model} offers no {what}; use a client that does")]
    Unsupported {
        /// The verb.
        what: &'static str,
        /// The model.
        model: String,
    },
    /// The request is not usable.
    #[error("request to {model}: {message}")]
    Invalid {
        /// The model.
        model: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// More tokens than the model can read.
    #[error(
        "prompt of {tokens} tokens does not fit the {limit} of {model}; shorten the prompt or use another model"
    )]
    TooLong {
        /// The model.
        model: String,
        /// Tokens asked for, the answer's included.
        tokens: usize,
        /// The model's limit.
        limit: usize,
    },
    /// A model file is missing, damaged, or of an unknown kind.
    #[error("model file {}: {message}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// No model file can be found; the message names every way to get one.
    #[error("{message}")]
    NoModel {
        /// Every option with its command.
        message: String,
    },
    /// A download of a model failed; nothing of the model store was changed.
    #[error("cannot fetch model {model}: {message}")]
    Fetch {
        /// The model's name.
        model: String,
        /// What failed, where, and what to do instead.
        message: String,
    },
    /// A price table cannot be used.
    #[error("price table {}: {message}", path.display())]
    Prices {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what is allowed.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A scripted client ran out of script.
    #[error("scripted client: {message}")]
    Script {
        /// What is missing.
        message: String,
    },
}

impl Classify for InferenceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RateLimited { .. }
            | Self::Unreachable { .. }
            | Self::CircuitOpen { .. }
            | Self::Timeout { .. } => ErrorKind::Transient,
            Self::Status { status, .. } if matches!(*status, 408 | 409 | 425 | 500..) => ErrorKind::Transient,
            Self::Auth { .. }
            | Self::NoKey { .. }
            | Self::Quota { .. }
            | Self::Unsupported { .. }
            | Self::Status { .. } => ErrorKind::Permanent,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::Invalid { .. }
            | Self::TooLong { .. }
            | Self::ContextExceeded { .. }
            | Self::Filtered { .. } => ErrorKind::InvalidInput,
            Self::Model { .. }
            | Self::NoModel { .. }
            | Self::Fetch { .. }
            | Self::Endpoint { .. }
            | Self::Prices { .. }
            | Self::Io { .. }
            | Self::Script { .. } => ErrorKind::Config,
        }
    }
}

impl InferenceError {
    /// What the provider charges for the failed call, as far as it says.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Filtered { usage, .. } => *usage,
            _ => Usage::default(),
        }
    }

    /// How long the endpoint asked to wait before the next try.
    pub fn advised_wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait, .. } | Self::Status { wait, .. } => *wait,
            Self::CircuitOpen { wait, .. } => Some(*wait),
            _ => None,
        }
    }
}
