//! Evolves which words, in which structure, a prompt should have.
//!
//! - [`gepa`]: the GEPA loop as an ask/tell optimizer. It decides which text to rewrite and which to keep.
//! - [`Reflection`]: has a language model write a new text: renders the request and reads the reply.
//! - [`Structural`]: writes a new text by small typed edits, without any model.
//! - [`space`]: prompts as choices, the flat view that learning needs; [`script`]: edits of them as text.
//! - [`model`]: what the scores seen so far say about every prompt of a space.
//! - [`optimizer`]: search guided by that model. It asks for few evaluations, and for reflection where it pays.
//! - [`attribution`]: which parts of a prompt its quality comes from, with intervals.
//! - [`PromptConfig`]: the settings users write.
//!
//! Everything here is a pure function of its arguments: no clock, no file, no network, no thread. Random draws come
//! from [`meta_traits::Stream`] key paths.

pub mod attribution;
pub mod gepa;
pub mod model;
pub mod optimizer;
pub mod reflect;
pub mod script;
pub mod space;
pub mod structural;

mod config;
mod error;
mod placeholder;

pub use config::{AnalysisDepth, PromptConfig};
pub use error::PromptError;
pub use gepa::Gepa;
pub use reflect::Reflection;
pub use structural::Structural;
