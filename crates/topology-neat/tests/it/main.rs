//! What holds of the crate from outside.
mod bad;
mod config;
mod edits;
mod repeat;
mod neat;
mod networks;
mod scale;
mod search;
