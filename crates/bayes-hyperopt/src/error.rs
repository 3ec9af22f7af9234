use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// What is wrong with a [`crate::HyperOptConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field is outside its range.
    #[error("hyperopt: {field} = {value} is outside its range; allowed: {allowed}")]
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

/// What is wrong with a search space.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// There is nothing to search.
    #[error("space: no parameters; name at least one")]
    Empty,
    /// Two parameters share a name.
    #[error("space: parameter '{name}' is given twice; names must differ")]
    Repeated {
        /// The name.
        name: String,
    },
    /// A domain is empty or not finite.
    #[error("space: parameter '{name}': {fault}")]
    Domain {
        /// The parameter.
        name: String,
        /// What is wrong and what is allowed.
        fault: String,
    },
    /// A condition names no earlier discrete parameter.
    #[error(
        "space: parameter '{name}' depends on '{parent}'; allowed: a discrete parameter listed before it"
    )]
    Parent {
        /// The child.
        name: String,
        /// The parent it names.
        parent: String,
    },
    /// A rule names a value outside of its parameter's domain.
    #[error("space: '{value}' is no value of parameter '{name}'; name one of its domain")]
    Value {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// A rule names no parameter.
    #[error("space: there is no parameter '{name}'; name one of the space")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A constraint contains a number that is none.
    #[error("space: a constraint holds NaN; allowed: numbers")]
    Nan,
    /// The rules rule out all of 20,000 random points.
    #[error("space: the rules forbid all of 20000 random points; loosen them or narrow the domains")]
    NothingLegal,
}

impl Classify for SpaceError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}
