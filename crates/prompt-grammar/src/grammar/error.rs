use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// A grammar that cannot be used, or a tree that is not of its grammar.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrammarError {
    /// The text is not well-formed.
    #[error("grammar: {format} line {line}, column {column}: {message}")]
    Syntax {
        /// `BNF`, `EBNF` or `JSON`.
        format: &'static str,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// There is nothing.
    #[error("grammar: {what} is empty; give at least one {of}")]
    Empty {
        /// What is empty.
        what: String,
        /// What it lacks.
        of: &'static str,
    },
    /// Two rules of one name.
    #[error("grammar: rule '{rule}' is defined twice; join its alternatives under one definition")]
    Duplicate {
        /// The name.
        rule: String,
    },
    /// A name that no rule has.
    #[error("grammar: rule '{within}' uses '{rule}', which is not defined; the nearest name is '{nearest}'")]
    Unknown {
        /// The name used.
        rule: String,
        /// Where it is used.
        within: String,
        /// A name there is.
        nearest: String,
    },
    /// A rule that never ends in text.
    #[error(
        "grammar: rule '{rule}' derives no finite text{under}; give it an alternative that does not lead back to it"
    )]
    Unproductive {
        /// The first such rule.
        rule: String,
        /// Under which values of the attributes; empty where there are none.
        under: String,
    },
    /// A rule that the start cannot lead to.
    #[error("grammar: rule '{rule}' cannot be reached from '{start}'; use it or take it out")]
    Unreachable {
        /// The first such rule.
        rule: String,
        /// The start.
        start: String,
    },
    /// A value outside its range.
    #[error("grammar: {place}: {value} is outside its range; allowed: {allowed}")]
    Range {
        /// Where.
        place: String,
        /// The value found.
        value: String,
        /// The range, in words.
        allowed: String,
    },
    /// A tree that does not follow its grammar.
    #[error("grammar: node {node} of the tree {message}")]
    Tree {
        /// Position of the node.
        node: usize,
        /// What is wrong.
        message: String,
    },
    /// A text that the grammar does not write.
    #[error("grammar: the text is no derivation; line {line}, column {column} should go on with {expected}")]
    NoDerivation {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What could have stood there.
        expected: String,
    },
    /// No derivation is within the budget.
    #[error("grammar: no derivation has at most {budget} {unit}; the shortest has at least {least}")]
    Budget {
        /// The budget.
        budget: usize,
        /// What is counted.
        unit: &'static str,
        /// A lower bound of the shortest.
        least: usize,
    },
    /// Drawing ended without success.
    #[error("grammar: none of {draws} drawings fits {within}; raise the limit")]
    Exhausted {
        /// How many were drawn.
        draws: usize,
        /// The limit.
        within: String,
    },
}

impl GrammarError {
    pub(crate) fn range(place: String, value: impl std::fmt::Display, allowed: &str) -> Self {
        Self::Range { place, value: value.to_string(), allowed: allowed.into() }
    }

    pub(crate) fn tree(node: usize, message: impl Into<String>) -> Self {
        Self::Tree { node, message: message.into() }
    }
}

impl Classify for GrammarError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Exhausted { .. } => ErrorKind::Budget,
            Self::Tree { .. } | Self::NoDerivation { .. } => ErrorKind::InvalidInput,
            _ => ErrorKind::Config,
        }
    }
}
