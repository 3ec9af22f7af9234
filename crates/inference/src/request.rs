use meta_traits::Cost;
use serde::{Deserialize, Serialize};

/// Who speaks in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The asker.
    User,
    /// The model.
    Assistant,
}

/// One turn of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What a model reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Raw text, continued as it is.
    Text(String),
    /// A chat; the client applies the model's template and opens the assistant's turn.
    Chat(Vec<Message>),
}

/// Asks for text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Generate {
    /// What the model reads.
    pub prompt: Prompt,
    /// Bytes at the start of a [`Prompt::Text`] (or of the last message of a chat) that many requests share.
    ///
    /// A hint for caches in memory. The engine evaluates the shared part on its own whether or not it is cached, so
    /// that the answer does not depend on what was asked before.
    pub shared_prefix: usize,
    /// Most tokens to write.
    pub max_tokens: u32,
    /// 0 is greedy; otherwise the softmax temperature.
    pub temperature: f32,
    /// Nucleus sampling: the smallest set of tokens with at least this mass; 1 is all.
    pub top_p: f32,
    /// Seed of the sampling; irrelevant when greedy.
    pub seed: u64,
    /// Texts that end the answer; not part of it.
    pub stop: Vec<String>,
}

impl Generate {
    /// A greedy request for up to 256 tokens.
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            shared_prefix: 0,
            max_tokens: 256,
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
            stop: Vec::new(),
        }
    }

    /// Whether equal requests get equal answers.
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }
}

/// Asks how likely given continuations are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Score {
    /// What the model reads first.
    pub prompt: Prompt,
    /// As in [`Generate::shared_prefix`].
    pub shared_prefix: usize,
    /// The texts to score, each as it would follow the prompt (leading space included).
    pub continuations: Vec<String>,
}

impl Score {
    /// Scores `continuations` after `prompt`.
    pub fn new(prompt: Prompt, continuations: Vec<String>) -> Self {
        Self { prompt, shared_prefix: 0, continuations }
    }
}

/// Asks for vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Embed {
    /// The texts.
    pub texts: Vec<String>,
}

impl Embed {
    /// Embeds `texts`.
    pub fn new(texts: Vec<String>) -> Self {
        Self { texts }
    }
}

/// What one call used, as the provider or engine counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub tokens_in: u64,
    /// Tokens read from a prefix cache.
    pub tokens_cached: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money in 10^-9 US dollars.
    pub nano_usd: u64,
    /// Whether the answer came from the answer cache, and nothing was paid.
    pub from_cache: bool,
}

impl Usage {
    /// So many tokens read and written.
    pub fn new(tokens_in: u64, tokens_out: u64) -> Self {
        Self { tokens_in, tokens_out, ..Self::default() }
    }

    /// What a budget charges: one model call with these tokens, cached or not.
    ///
    /// A run's record must not depend on what a cache happened to hold when a killed run was resumed, so a budget
    /// counts every call as if it was made; [`Usage::paid`] is what left the purse.
    pub fn cost(&self) -> Cost {
        Cost::tokens(1, self.tokens_in, self.tokens_out).with_nano_usd(self.nano_usd)
    }

    /// What was really paid: nothing if the answer came from the answer cache.
    pub fn paid(&self) -> Cost {
        if self.from_cache { Cost::ZERO } else { self.cost() }
    }
}

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopCause {
    /// The model ended its turn, or a stop text appeared.
    Stop,
    /// The token limit was reached.
    Length,
}

/// A text and what it used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub stop: StopCause,
    /// What the call used.
    pub usage: Usage,
}

impl Generated {
    /// A finished answer.
    pub fn new(text: impl Into<String>, stop: StopCause, usage: Usage) -> Self {
        Self { text: text.into(), stop, usage }
    }
}

/// Log-probabilities and what they used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scored {
    /// For each continuation, the sum of its tokens' log-probabilities, in nats.
    pub log_probs: Vec<f64>,
    /// For each continuation, its number of tokens.
    pub tokens: Vec<u32>,
    /// What the call used.
    pub usage: Usage,
}

impl Scored {
    /// Scores of continuations.
    pub fn new(log_probs: Vec<f64>, tokens: Vec<u32>, usage: Usage) -> Self {
        Self { log_probs, tokens, usage }
    }

    /// Index of the likeliest continuation (the first of equals); `None` without a finite score.
    pub fn best(&self) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (i, &p) in self.log_probs.iter().enumerate() {
            if p.is_finite() && best.is_none_or(|(_, b)| p > b) {
                best = Some((i, p));
            }
        }
        best.map(|(i, _)| i)
    }
}

/// Vectors and what they used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Embedded {
    /// One vector a text, each of Euclidean length 1.
    pub vectors: Vec<Vec<f32>>,
    /// What the call used.
    pub usage: Usage,
}

impl Embedded {
    /// Vectors of texts.
    pub fn new(vectors: Vec<Vec<f32>>, usage: Usage) -> Self {
        Self { vectors, usage }
    }
}
