//! The bench programs as a user calls them.
mod cab;
