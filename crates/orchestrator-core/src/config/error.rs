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
    /// The file cannot be written.
    #[error("config: cannot write {}: {source}. Give a path in a folder that can be written to", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// No setting has this name.
    #[error("config: unknown key {key}{advice}")]
    UnknownKey {
        /// Its path.
        key: String,
        /// The key that was probably meant, or all there are.
        advice: String,
    },
    /// A setting of the orchestrator has a value it cannot have.
    #[error("config: {field} = {value} {words}{place}{advice}")]
    Setting {
        /// Path of the field.
        field: String,
        /// The value given.
        value: String,
        /// What is wrong with it, such as `is above 1.0`.
        words: String,
        /// Where it was set, in brackets after a blank; nothing where nobody knows.
        place: String,
        /// What is allowed and, for a name, which one was probably meant.
        advice: String,
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
