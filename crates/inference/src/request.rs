use meta_traits::Cost;
use serde::{Deserialize, Serialize};

use crate::InferenceError;

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
    /// The answer must be JSON of this schema; free text without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<JsonSchema>,
    /// Report every written token's log-probability, with this many of the likeliest tokens in its place (0 to 20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_probs: Option<u8>,
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
            schema: None,
            log_probs: None,
        }
    }

    /// Whether equal requests get equal answers.
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }

    /// Refuses what a model without structured output and without log-probabilities cannot give.
    pub(crate) fn only_text(&self, model: &str) -> Result<(), InferenceError> {
        let what = match (&self.schema, self.log_probs) {
            (Some(_), _) => "structured output (`schema`)",
            (None, Some(_)) => "log-probabilities of written tokens (`log_probs`)",
            (None, None) => return Ok(()),
        };
        Err(InferenceError::Unsupported { what, model: model.to_owned() })
    }
}

/// A JSON schema that an answer must follow.
///
/// Which parts of JSON Schema are enforced is the provider's choice; most demand `additionalProperties: false` and
/// every property `required`. Nothing here checks the answer against it.
///
/// ```
/// use inference::{Generate, JsonSchema, Prompt};
/// let mut request = Generate::new(Prompt::Text("Is 7 prime?".into()));
/// request.schema = Some(JsonSchema::new("verdict", serde_json::json!({
///     "type": "object", "properties": {"prime": {"type": "boolean"}},
///     "required": ["prime"], "additionalProperties": false,
/// }))?);
/// # Ok::<(), inference::InferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JsonSchema {
    /// A short name: 1 to 64 letters, digits, `-` and `_`.
    pub name: String,
    /// The schema, a JSON object.
    pub schema: serde_json::Value,
}

impl JsonSchema {
    /// A schema under a name.
    ///
    /// # Errors
    /// [`InferenceError::Invalid`] for a name that providers refuse or a schema that is no object.
    pub fn new(name: impl Into<String>, schema: serde_json::Value) -> Result<Self, InferenceError> {
        let name = name.into();
        let invalid = |message: String| InferenceError::Invalid { model: "any model".to_owned(), message };
        let known = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(known) {
            return Err(invalid(format!(
                "schema name {name:?}; give 1 to 64 letters, digits, hyphens and underscores"
            )));
        }
        if !schema.is_object() {
            return Err(invalid(format!("schema {name:?} is no JSON object")));
        }
        Ok(Self { name, schema })
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
    /// The written tokens with their log-probabilities; empty unless [`Generate::log_probs`] asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_probs: Vec<TokenLogProb>,
}

impl Generated {
    /// A finished answer.
    pub fn new(text: impl Into<String>, stop: StopCause, usage: Usage) -> Self {
        Self { text: text.into(), stop, usage, log_probs: Vec::new() }
    }
}

/// One written token and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenLogProb {
    /// The token's text, as the provider shows it.
    pub token: String,
    /// Its log-probability in nats, as the model gave it before any sampling option.
    pub log_prob: f64,
    /// The likeliest tokens in its place with their log-probabilities, likeliest first.
    pub top: Vec<(String, f64)>,
}

impl TokenLogProb {
    /// A token and its log-probability.
    pub fn new(token: impl Into<String>, log_prob: f64) -> Self {
        Self { token: token.into(), log_prob, top: Vec::new() }
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
