use std::path::PathBuf;

use meta_traits::{Classify, ErrorKind};

/// What can go wrong in measuring. Every message is one line: what, where, what is allowed or to be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A file cannot be read.
    #[error("data: cannot read {}: {source}. Check the path", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A line of a data file is not a row.
    #[error("data: {} line {line}: {message}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A row of a data file without lines is not a row.
    #[error("data: {} row {row}: {message}", .file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// The row, from 1.
        row: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A data file as a whole is not what it should be.
    #[error("data: {}: {message}", .file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A split holds no example.
    #[error(
        "data: {source_name} holds no example for the {split} split. Give at least one line like {{\"input\": \"..\", \"expected\": \"..\"}}"
    )]
    EmptySplit {
        /// `train`, `val` or `test`.
        split: &'static str,
        /// The file, or `the list given`.
        source_name: String,
    },
    /// A validation split cannot be cut off.
    #[error("data: cannot split off a validation set: {message}")]
    SplitVal {
        /// Why not, and what is allowed.
        message: String,
    },
    /// Rows cannot be divided.
    #[error("data: cannot split: {message}")]
    Split {
        /// Why not, and what is allowed.
        message: String,
    },
    /// No scorer has this name.
    #[error("metric: unknown scorer '{name}'{hint}. Known: {known}")]
    UnknownScorer {
        /// The name given.
        name: String,
        /// `; did you mean 'label'?` or nothing.
        hint: String,
        /// All names.
        known: String,
    },
    /// A metric's settings are wrong, or what it needs is not there.
    #[error("metric: {metric}: {message}")]
    Metric {
        /// The metric.
        metric: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// An example does not hold what the scorer needs.
    #[error("metric: {scorer} cannot score example {example}: {message}")]
    Unscorable {
        /// The scorer.
        scorer: &'static str,
        /// The example, as `train/12`.
        example: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A statistic is not defined for the numbers given.
    #[error("statistics: {statistic} is not defined: {message}")]
    Undefined {
        /// The statistic.
        statistic: &'static str,
        /// Why, and what is needed.
        message: String,
    },
    /// An evaluator program cannot be started.
    #[error("evaluator: cannot start '{command}': {message}")]
    Command {
        /// The program.
        command: String,
        /// Why not, and what to do.
        message: String,
    },
    /// An evaluator program did not greet as the protocol asks.
    #[error("evaluator: no usable hello from '{command}': {message}")]
    Hello {
        /// The program.
        command: String,
        /// What came instead, and what is allowed.
        message: String,
    },
    /// The log file of an evaluator program cannot be opened.
    #[error("evaluator: cannot write its log {}: {source}. Choose another stderr_log", .file.display())]
    Log {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A request to an evaluator program failed.
    #[error("evaluator: {message}")]
    Request {
        /// The sort of fault.
        kind: ErrorKind,
        /// What happened.
        message: String,
    },
}

impl Classify for EvaluationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::File { .. }
            | Self::UnknownScorer { .. }
            | Self::Metric { .. }
            | Self::Command { .. }
            | Self::Log { .. } => ErrorKind::Config,
            Self::Line { .. }
            | Self::Row { .. }
            | Self::Format { .. }
            | Self::Split { .. }
            | Self::EmptySplit { .. }
            | Self::SplitVal { .. }
            | Self::Unscorable { .. }
            | Self::Undefined { .. } => ErrorKind::InvalidInput,
            Self::Hello { .. } => ErrorKind::Protocol,
            Self::Request { kind, .. } => *kind,
        }
    }
}

/// `text` on one line and at most `limit` characters, with ` ..` where something was cut.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        if words.len() > limit.saturating_mul(4) + 4 {
            break;
        }
    }
    match words.char_indices().nth(limit) {
        Some((cut, _)) => {
            words.truncate(cut);
            words.push_str(" ..");
            words
        }
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_one_short_line() {
        assert_eq!(one_line(" a\n b\u{1b}[0m ", 80), "a b\u{fffd}[0m");
        assert_eq!(one_line("abcdef", 3), "abc ..");
        assert_eq!(one_line("äöü", 3), "äöü");
        assert_eq!(one_line("", 3), "");
    }
}
