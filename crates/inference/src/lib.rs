//! The only crate that talks to language models.
//!
//! One trait, [`LlmClient`], with its verbs: generate text (at once or streamed), score given continuations, embed. Every answer carries
//! its [`Usage`].
//!
//! | wanted | take |
//! |---|---|
//! | a client by the name of its provider | `InferenceClientFactory` (feature `hosted`) |
//! | a model behind an OpenAI-compatible endpoint | `HostedClient` (feature `hosted`) |
//! | a model behind Anthropic's, Gemini's or another own protocol | `GenaiClient` (feature `genai`) |
//! | answers from a script | [`ScriptedClient`] |
//! | no answer paid twice | [`Cached`] around a client |
//! | a record of every call | [`Metered`] around that, writing to a [`Ledger`] |
//! | the file of a model | [`ModelStore`] |
//!
//! Wrappers are clients themselves, and so is an [`Arc`](std::sync::Arc) of a client, so they nest freely.
//! No error and no `Debug` text ever holds a key.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod cache;
mod client;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
#[cfg(feature = "hosted")]
mod factory;
#[cfg(feature = "hosted")]
mod hosted;
#[cfg(feature = "hosted")]
mod http;
mod ledger;
mod provision;
mod request;
mod retry;
mod scripted;

pub use cache::{CacheStats, Cached};
pub use client::{LlmClient, OnText};
pub use error::InferenceError;
#[cfg(feature = "hosted")]
pub use factory::{ClientOptions, InferenceClientFactory};
#[cfg(feature = "genai")]
pub use hosted::GenaiClient;
#[cfg(feature = "hosted")]
pub use hosted::{Headers, HostedClient, HostedOptions, Key, LimitField, Price, Proxy, Scoring};
pub use ledger::{Call, CallEnd, Ledger, Metered, Purpose, Total};
#[cfg(feature = "hosted")]
pub use provision::Hub;
pub use provision::{
    Environment, HubSource, Located, ModelFile, ModelStore, OnProgress, Progress, Stage, WheelSource,
};
pub use request::{
    Embed, Embedded, Generate, Generated, JsonSchema, Message, Prompt, Role, Score, Scored, StopCause,
    TokenLogProb, Usage,
};
pub use retry::RetryPolicy;
pub use scripted::{Asked, Rule, ScriptedClient};
