use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

use crate::InferenceError;
use crate::embedded::gguf::ModelFile;

/// What a token is for; the numbers are those of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 1: a piece of text.
    Normal,
    /// 2: stands for what the vocabulary lacks.
    Unknown,
    /// 3: marks structure, and stands for no text.
    Control,
    /// 4: a text that is always one token.
    Always,
    /// 5 and others: never comes up.
    Unused,
    /// 6: one byte.
    Byte,
}

/// The tokens of a file, by id.
pub(super) struct Table {
    pub(super) texts: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    /// Likelihoods of pieces; 0 where the file has none.
    pub(super) scores: Vec<f32>,
    pub(super) ids: HashMap<String, u32>,
}

/// Tokens that end a turn wherever they are in a vocabulary, as llama.cpp has them.
const ENDS: [&str; 16] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
];

/// Tokens that structure code files; llama.cpp takes them for control tokens whatever the file says.
const STRUCTURE: [&str; 13] = [
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<|fim_pad|>",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<|file_sep|>",
];

impl Table {
    /// Reads the tokens of a model file.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for tokens that are no texts or come twice, and for lists of other lengths.
    pub(super) fn read(file: &ModelFile) -> Result<Self, InferenceError> {
        let tokens = file.list("tokenizer.ggml.tokens").unwrap_or_default();
        let list = |key: &str| match file.list(key) {
            Some(list) if list.len() < tokens.len() => {
                Err(file.error(format!("has {} entries in '{key}' for {} tokens", list.len(), tokens.len())))
            }
            list => Ok(list.unwrap_or_default()),
        };
        let (kinds, scores) = (list("tokenizer.ggml.token_type")?, list("tokenizer.ggml.scores")?);
        let mut table = Self {
            texts: Vec::with_capacity(tokens.len()),
            kinds: Vec::with_capacity(tokens.len()),
            scores: scores.iter().map(score).collect(),
            ids: HashMap::with_capacity(tokens.len()),
        };
        table.scores.resize(tokens.len(), 0.0);
        for (id, token) in tokens.iter().enumerate() {
            let Value::String(text) = token else {
                return Err(file.error(format!("token {id} is not a text")));
            };
            // llama.cpp's stand-in for a token without a text.
            let text = if text.is_empty() { format!("[EMPTY_{id}]") } else { text.clone() };
            if let Some(other) = table.ids.insert(text.clone(), id as u32) {
                return Err(file.error(format!("has the token '{text}' twice, as {other} and as {id}")));
            }
            let special = ENDS.contains(&text.as_str()) || STRUCTURE.contains(&text.as_str());
            table.kinds.push(if special { Kind::Control } else { kinds.get(id).map_or(Kind::Normal, kind) });
            table.texts.push(text);
        }
        Ok(table)
    }

    /// The id of a text.
    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// Tokens that end a turn by their text.
    pub(super) fn ends(&self) -> Vec<u32> {
        ENDS.iter().filter_map(|end| self.id(end)).collect()
    }
}

fn kind(value: &Value) -> Kind {
    let number = match value {
        Value::I32(n) => i64::from(*n),
        value => value.to_u64().map_or(0, |n| i64::try_from(n).unwrap_or(0)),
    };
    match number {
        1 => Kind::Normal,
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::Always,
        6 => Kind::Byte,
        _ => Kind::Unused,
    }
}

fn score(value: &Value) -> f32 {
    match value {
        Value::F32(score) => *score,
        Value::I32(score) => *score as f32,
        _ => 0.0,
    }
}
