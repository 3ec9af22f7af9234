//! Evolves which words, in which structure, a prompt should have.
//!
//! - [`gepa`]: the GEPA loop as an ask/tell optimizer. It decides which text to rewrite and which to keep.
//!
//! Everything here is a pure function of its arguments: no clock, no file, no network, no thread. Random draws come
//! from [`meta_traits::Stream`] key paths.

pub mod gepa;

mod error;

pub use error::PromptError;
pub use gepa::Gepa;
