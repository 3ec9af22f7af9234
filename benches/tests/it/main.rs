//! The bench programs as a user calls them.
#[cfg(feature = "systems")]
mod cab;
mod selector;
mod topology;
