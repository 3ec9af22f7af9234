use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// What is wrong with a [`crate::RLConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field is outside its range.
    #[error("rl: {field} = {value} is outside its range; allowed: {allowed}")]
    Range {
        /// The path of the field, as written in the configuration.
        field: String,
        /// The value found.
        value: String,
        /// The range, in words.
        allowed: String,
    },
}

impl Classify for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

/// Why a [`crate::DoubleDqn`] cannot do what is asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DqnError {
    /// A setting is outside its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Weights are damaged or of another network.
    #[error("rl: weights do not fit: {0}; load the file that belongs to these settings")]
    Weights(String),
    /// An experience does not fit the agent.
    #[error("rl: experience does not fit: {0}")]
    Experience(String),
}

impl Classify for DqnError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(_) => ErrorKind::Config,
            Self::Weights(_) => ErrorKind::Corrupt,
            Self::Experience(_) => ErrorKind::InvalidInput,
        }
    }
}
