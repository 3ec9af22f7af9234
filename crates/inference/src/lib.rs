//! The only crate that talks to language models.
//!
//! One trait, [`LlmClient`], with three verbs: generate text, score given continuations, embed. Every answer carries
//! its [`Usage`].
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod client;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod request;

pub use client::LlmClient;
pub use error::InferenceError;
pub use request::{
    Embed, Embedded, Generate, Generated, Message, Prompt, Role, Score, Scored, StopCause, Usage,
};
