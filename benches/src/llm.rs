//! Speed of the embedded engine, and of a llama.cpp server on the same work.

mod clock;
mod own;
mod server;
mod speeds;
mod texts;

pub use clock::peak_memory;
pub use own::Own;
pub use server::Server;
pub use speeds::{Ratios, Speeds, summary};
pub use texts::Texts;

use serde::Serialize;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Reading a fresh prompt of 128 tokens, up to its next token.
    Prefill128,
    /// The same with 512 tokens.
    Prefill512,
    /// Writing greedily after a short prompt, without the time of the first token.
    Decode,
    /// Scoring whole labels of many examples behind a shared prefix.
    Score,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Prefill128, Self::Prefill512, Self::Decode, Self::Score];
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// "own" or "llama.cpp".
    pub engine: &'static str,
    /// Threads it may use.
    pub threads: usize,
    /// What was done.
    pub work: Work,
    /// Which repetition, from 0.
    pub repeat: usize,
    /// Tokens read, tokens written or examples scored.
    pub amount: u64,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of processor time of the engine's process; `None` for a server that is not on this machine.
    pub cpu_s: Option<f64>,
}
