//! The built-in engine: a language model of the llama, qwen2, qwen3 or gemma3 family, read from a GGUF file, on the
//! CPU.
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
mod blocks;
mod client;
mod crew;
mod embedder;
mod engine;
mod family;
mod forward;
#[cfg(test)]
mod fuzzed;
mod gelu;
mod gguf;
#[cfg(test)]
mod golden;
#[doc(hidden)]
pub mod kernels;
mod matrix;
mod model;
mod open;
mod packed;
mod prefixes;
mod product;
mod queue;
#[cfg(test)]
mod same_bits;
mod sample;
mod scoring;
mod shape;
mod simd;
mod template;
mod vocabulary;
mod weights;

pub use client::{EmbeddedClient, EmbeddedOptions};
pub use embedder::SentenceEmbedder;
pub use open::open;
