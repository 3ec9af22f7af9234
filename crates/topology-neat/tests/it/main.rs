//! What holds of the crate from outside.
mod edits;
mod neat;
mod networks;
mod scale;
mod search;
