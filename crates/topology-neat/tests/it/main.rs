//! What holds of the crate from outside.
mod edits;
mod search;
