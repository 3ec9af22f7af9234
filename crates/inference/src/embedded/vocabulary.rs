use std::collections::BTreeMap;

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use super::gguf::ModelFile;
use crate::InferenceError;

/// Text as the tokenizer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Ordinary text. It never becomes a special token, whatever it spells.
    Text(String),
    /// One special token.
    Special(u32),
}

/// The tokens of a model: byte-level byte-pair encoding (Sennrich et al. 2016, over bytes), read from its file.
pub(crate) struct Vocabulary {
    tokenizer: Tokenizer,
    /// What each token spells; special tokens spell nothing.
    bytes: Vec<Vec<u8>>,
    /// Special tokens by their written form.
    specials: BTreeMap<String, u32>,
    /// Tokens that end a turn.
    ends: Vec<u32>,
    /// Put before every text, where the model wants it.
    start: Option<u32>,
}

impl Vocabulary {
    /// Reads the tokenizer of a model file.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for tokenizers other than byte-level BPE split as `smollm` or `gpt-2` do.
    pub(crate) fn read(file: &ModelFile) -> Result<Self, InferenceError> {
        let pre = file.text("tokenizer.ggml.pre").unwrap_or("gpt-2");
        let bytes_only = ByteLevel::new(false, true, true);
        let split = match pre {
            "smollm" => vec![Digits::new(true).into(), bytes_only.into()],
            "gpt-2" | "default" => vec![bytes_only.into()],
            other => {
                return Err(file.error(format!(
                    "splits text as '{other}'; the embedded engine knows 'smollm' and 'gpt-2'"
                )));
            }
        };
        let mut tokenizer = Tokenizer::from_gguf(file.content()).map_err(|error| {
            let reason = error.to_string();
            file.error(format!("tokenizer: {}", reason.lines().next().unwrap_or("cannot be read")))
        })?;
        // The library's own splitting for these two adds a space in front and keeps digits together.
        tokenizer.with_pre_tokenizer(Some(Sequence::new(split)));
        tokenizer.set_encode_special_tokens(true);
        let tokens = file.list("tokenizer.ggml.tokens").unwrap_or_default();
        let kinds = file.list("tokenizer.ggml.token_type").unwrap_or_default();
        let alphabet = alphabet();
        let mut bytes = Vec::with_capacity(tokens.len());
        let mut specials = BTreeMap::new();
        for (id, token) in tokens.iter().enumerate() {
            let Value::String(text) = token else {
                return Err(file.error(format!("token {id} is not a text")));
            };
            // 1 is a normal token, 6 a byte; the rest are control, unknown, user-defined and unused tokens.
            if matches!(kinds.get(id), None | Some(Value::I32(1 | 6) | Value::U32(1 | 6))) {
                bytes.push(text.chars().filter_map(|c| alphabet.get(&c).copied()).collect());
            } else {
                bytes.push(Vec::new());
                specials.insert(text.clone(), id as u32);
            }
        }
        let id = |key: &str| {
            file.number(key).and_then(|id| u32::try_from(id).ok()).filter(|id| (*id as usize) < bytes.len())
        };
        let named = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>"];
        let mut ends: Vec<u32> = named.iter().filter_map(|name| specials.get(*name).copied()).collect();
        ends.extend(
            ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"].into_iter().filter_map(id),
        );
        let start =
            if file.flag("tokenizer.ggml.add_bos_token") { id("tokenizer.ggml.bos_token_id") } else { None };
        Ok(Self { tokenizer, bytes, specials, ends, start })
    }

    /// The tokens of a text made of pieces.
    pub(crate) fn encode(&self, pieces: &[Piece]) -> Result<Vec<u32>, String> {
        let mut tokens: Vec<u32> = self.start.into_iter().collect();
        for piece in pieces {
            match piece {
                Piece::Special(id) => tokens.push(*id),
                Piece::Text(text) => {
                    let encoded = self
                        .tokenizer
                        .encode_fast(text.as_str(), false)
                        .map_err(|error| error.to_string())?;
                    tokens.extend_from_slice(encoded.get_ids());
                }
            }
        }
        Ok(tokens)
    }

    /// Cuts a text at the special tokens it spells; only for text that the model's own template wrote.
    pub(crate) fn cut(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some(first) = rest.chars().next() {
            let longest = self.specials.iter().filter(|(s, _)| rest.starts_with(s.as_str()));
            if let Some((special, id)) = longest.max_by_key(|(s, _)| s.len()).filter(|(s, _)| !s.is_empty()) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Special(*id));
                rest = &rest[special.len()..];
            } else {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        pieces
    }

    /// Written forms of the special tokens.
    pub(crate) fn specials(&self) -> impl Iterator<Item = &str> {
        self.specials.keys().map(String::as_str)
    }

    /// The written form of `id` if it is special.
    pub(crate) fn special(&self, id: u32) -> Option<&str> {
        self.specials.iter().find(|(_, other)| **other == id).map(|(text, _)| text.as_str())
    }

    /// What a token spells; nothing for special tokens.
    pub(crate) fn spell(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a token ends the model's turn.
    pub(crate) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }
}

/// The byte that each letter of byte-level vocabularies stands for: printable Latin-1 stands for itself, the other 68
/// bytes are moved to U+0100 and on.
fn alphabet() -> BTreeMap<char, u8> {
    let mut moved = 0x100_u32;
    let mut letters = BTreeMap::new();
    for byte in 0..=255_u8 {
        let letter = if matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) {
            Some(char::from(byte))
        } else {
            moved += 1;
            char::from_u32(moved - 1)
        };
        letters.extend(letter.map(|letter| (letter, byte)));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_a_letter_for_every_byte() {
        let letters = alphabet();
        assert_eq!(letters.len(), 256);
        assert_eq!(letters.get(&'\u{120}'), Some(&b' '));
        assert_eq!(letters.get(&'\u{10a}'), Some(&b'\n'));
        assert_eq!(letters.get(&'A'), Some(&b'A'));
    }

    /// The default model's tokens for ten texts, by llama.cpp; runs where `METAORCH_MODEL_PATH` names the file.
    #[test]
    fn tokens_are_those_of_llama_cpp() {
        let Some(path) = std::env::var_os("METAORCH_MODEL_PATH") else {
            eprintln!("skipped: no model file named by METAORCH_MODEL_PATH");
            return;
        };
        let file = ModelFile::open(path.as_ref()).unwrap();
        let vocabulary = Vocabulary::read(&file).unwrap();
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/smollm2.json")).unwrap();
        for case in golden["tokenised"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let tokens: Vec<u32> = serde_json::from_value(case["tokens"].clone()).unwrap();
            assert_eq!(vocabulary.encode(&[Piece::Text(text.to_owned())]).unwrap(), tokens, "{text}");
            let spelled: Vec<u8> = tokens.iter().flat_map(|t| vocabulary.spell(*t)).copied().collect();
            assert_eq!(String::from_utf8(spelled).unwrap(), text);
        }
    }
}
