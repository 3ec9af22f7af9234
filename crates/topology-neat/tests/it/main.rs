//! What holds of the crate from outside.
mod bad;
mod config;
mod edits;
mod repeat;
mod search;
