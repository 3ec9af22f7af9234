//! The only crate that talks to language models.
//!
//! One trait, [`LlmClient`], with three verbs: generate text, score given continuations, embed. Every answer carries
//! its [`Usage`].
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod cache;
mod client;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
#[cfg(feature = "hosted")]
mod hosted;
#[cfg(feature = "hosted")]
mod http;
mod ledger;
mod request;
mod retry;
mod scripted;

pub use cache::{CacheStats, Cached};
pub use client::LlmClient;
pub use error::InferenceError;
#[cfg(feature = "hosted")]
pub use hosted::{Headers, HostedClient, HostedOptions, Key, LimitField, Price};
pub use ledger::{Call, CallEnd, Ledger, Metered, Purpose, Total};
pub use request::{
    Embed, Embedded, Generate, Generated, Message, Prompt, Role, Score, Scored, StopCause, Usage,
};
pub use retry::RetryPolicy;
pub use scripted::{Asked, Rule, ScriptedClient};
