use thiserror::Error;

/// What a race refuses; nothing is changed then.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RaceError {
    /// A setting is outside its range.
    #[error("race: {name} is {value}. Allowed: {allowed}")]
    Option {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// No block of this number is out.
    #[error("race: block {0} is not pending; tell each asked block once")]
    UnknownBlock(u64),
    /// A candidate or example does not exist.
    #[error("race: {what} {index} does not exist; there are {count}")]
    Unknown {
        /// What.
        what: &'static str,
        /// Its number.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The results are not those of the block.
    #[error("race: block {block} has {wanted} draws, {found} finite scores are reported; report every draw")]
    Mismatch {
        /// The block.
        block: u64,
        /// Draws.
        wanted: usize,
        /// Finite scores.
        found: usize,
    },
}
