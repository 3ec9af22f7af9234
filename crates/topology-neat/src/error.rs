use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// What is wrong with a [`crate::TopologyConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field is outside its range.
    #[error("topology: {field} = {value} is outside its range; allowed: {allowed}")]
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

/// Why a search over networks cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NeatError {
    /// An option is outside its range.
    #[error("neat: {option} is outside its range; allowed: {allowed}")]
    Range {
        /// The option.
        option: &'static str,
        /// The range, in words.
        allowed: String,
    },
    /// The smallest network cannot be made.
    #[error("neat: {0}")]
    Genome(#[from] crate::GenomeError),
}

impl Classify for NeatError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}
