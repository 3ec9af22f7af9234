//! The built-in engine: a language model of the llama architecture, read from a GGUF file, on the CPU.
//!
//! Everything but the reading of the file and the tokenizer is written here: a forward pass over quantised weights
//! with single-precision activations, attention over an arena of shared and own tokens, and scoring of all labels of
//! a request in one pass.
#![expect(
    clippy::inline_always,
    reason = "a kernel keeps its caller's instruction set only where it is inlined"
)]

mod activation;
mod arena;
mod attention;
mod client;
mod crew;
mod engine;
mod forward;
mod gguf;
#[doc(hidden)]
pub mod kernels;
mod model;
mod packed;
mod prefixes;
mod product;
mod queue;
mod sample;
mod scoring;
mod simd;
mod template;
mod vocabulary;
mod weights;

pub use client::{EmbeddedClient, EmbeddedOptions};
