use std::path::PathBuf;

use meta_traits::{Classify, ErrorKind};

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("config: cannot read {}: {source}. Give the path of a YAML or JSON file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The text does not fit the format.
    #[error("config: {message} ({file} line {line}, column {column}){advice}")]
    Text {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
        /// A sentence that starts with a full stop, or nothing.
        advice: String,
    },
    /// A value is outside its range.
    #[error("config: {field} = {value} is not allowed. Allowed: {allowed}")]
    Range {
        /// Path of the field.
        field: String,
        /// The value given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A metric's settings are not usable.
    #[error("config: {source}")]
    Metric {
        /// Which one, and what is allowed.
        source: Box<evaluation::EvaluationError>,
    },
    /// Parts of the file do not fit together.
    #[error("config: {message}")]
    Inconsistent {
        /// What does not fit, and what to do.
        message: String,
    },
}

impl ConfigError {
    pub(crate) fn range(field: &str, value: &(impl ToString + ?Sized), allowed: &str) -> Self {
        Self::Range { field: field.into(), value: value.to_string(), allowed: allowed.into() }
    }

    pub(crate) fn inconsistent(message: impl Into<String>) -> Self {
        Self::Inconsistent { message: message.into() }
    }
}

impl Classify for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}
