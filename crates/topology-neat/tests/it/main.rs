//! What holds of the crate from outside.
mod bad;
mod config;
mod edits;
mod neat;
mod networks;
mod repeat;
mod scale;
mod search;
