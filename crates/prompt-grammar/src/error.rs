use std::fmt::Display;

use meta_traits::{Classify, ErrorKind, ExampleId};
use thiserror::Error;

/// What this crate refuses.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PromptError {
    /// An option or configuration field is outside its range.
    #[error("prompt: {field} = {value} is outside its range; allowed: {allowed}")]
    Range {
        /// The field, as written in the configuration.
        field: String,
        /// The value found.
        value: String,
        /// The range, in words.
        allowed: String,
    },
    /// A list that must have members has none.
    #[error("prompt: {what} is empty; give at least one")]
    Empty {
        /// The list.
        what: &'static str,
    },
    /// A list names something twice that it must name once.
    #[error("prompt: {list} has '{name}' twice; list it once")]
    Repeated {
        /// The list.
        list: &'static str,
        /// What is there twice.
        name: String,
    },
    /// A list of examples that may not be used as asked.
    #[error("prompt: {list} lists {example} {why}")]
    Examples {
        /// Which list: `train` or `val`.
        list: &'static str,
        /// The first offender.
        example: ExampleId,
        /// Why it may not be there, and what to do.
        why: &'static str,
    },
    /// A component that the candidate does not have.
    #[error("prompt: there is no component '{name}'; allowed: {allowed}")]
    UnknownComponent {
        /// The name asked for.
        name: String,
        /// The names there are.
        allowed: String,
    },
    /// A reply without any text.
    #[error("prompt: the reply for '{component}' has no text; ask again, or use a stronger model")]
    EmptyReply {
        /// The component that was to be rewritten.
        component: String,
    },
    /// A new text without the placeholders of the old one, or with others.
    #[error(
        "prompt: the new text of '{component}' must keep its placeholders: missing [{missing}], surplus [{surplus}]; \
         ask again"
    )]
    Placeholders {
        /// The component that was to be rewritten.
        component: String,
        /// Placeholders lost, with repeats.
        missing: String,
        /// Placeholders invented, with repeats.
        surplus: String,
    },
    /// A new text above the length limit.
    #[error("prompt: the new text of '{component}' has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// The component that was to be rewritten.
        component: String,
        /// Characters found.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("prompt: byte {at} is no UTF-8; prompts must be UTF-8 text")]
    Encoding {
        /// Position of the first such byte, from 0.
        at: usize,
    },
    /// A reply that is no usable edit script.
    #[error("prompt: the reply {why}; ask again")]
    Script {
        /// What is wrong with it, and what is allowed.
        why: String,
    },
    /// A grammar that cannot be used, or a tree of another.
    #[error(transparent)]
    Grammar(#[from] crate::grammar::GrammarError),
    /// No edit of the present text is legal.
    #[error("prompt: no edit of '{component}' fits within {limit} characters; raise max_prompt_length")]
    NoEdit {
        /// The component that was to be rewritten.
        component: String,
        /// Characters allowed.
        limit: usize,
    },
}

impl PromptError {
    pub(crate) fn range(field: &str, value: impl Display, allowed: &str) -> Self {
        Self::Range { field: field.into(), value: format!("{value}"), allowed: allowed.into() }
    }
}

impl Classify for PromptError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Grammar(fault) => fault.kind(),
            Self::Range { .. } | Self::UnknownComponent { .. } | Self::Repeated { .. } => ErrorKind::Config,
            Self::Empty { .. } | Self::Examples { .. } | Self::NoEdit { .. } | Self::Encoding { .. } => {
                ErrorKind::InvalidInput
            }
            Self::EmptyReply { .. }
            | Self::Placeholders { .. }
            | Self::TooLong { .. }
            | Self::Script { .. } => ErrorKind::Transient,
        }
    }
}
