use std::collections::BTreeMap;

use candle_core::quantized::gguf_file::Value;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::{BPE, Vocab};

use super::split::Splitting;
use super::table::{Kind, Table};
use crate::InferenceError;
use crate::embedded::gguf::ModelFile;

/// Byte-level byte-pair encoding (Sennrich et al. 2016, over bytes).
pub(super) struct BytePairs {
    tokenizer: Tokenizer,
}

impl BytePairs {
    /// Reads merges and splitting of a model file.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for unknown splittings and for merges that are missing or of unknown tokens.
    pub(super) fn read(
        file: &ModelFile,
        table: &Table,
        splitting: &Splitting,
    ) -> Result<Self, InferenceError> {
        let Some(list) = file.list("tokenizer.ggml.merges") else {
            return Err(file.error("lacks the merges of its tokens ('tokenizer.ggml.merges')"));
        };
        let merges = list.iter().enumerate().map(|(i, merge)| {
            let pair = match merge {
                Value::String(text) => pair(text),
                _ => None,
            };
            pair.ok_or_else(|| file.error(format!("merge {i} is not a pair of texts")))
        });
        let merges = merges.collect::<Result<Vec<_>, _>>()?;
        let reason = |error: &dyn std::fmt::Display| {
            let reason = error.to_string();
            file.error(format!("tokenizer: {}", reason.lines().next().unwrap_or("cannot be read")))
        };
        let vocabulary: Vocab = table.ids.iter().map(|(text, id)| (text.clone(), *id)).collect();
        let model = BPE::builder()
            .vocab_and_merges(vocabulary, merges)
            .ignore_merges(splitting.whole_words)
            .build()
            .map_err(|error| reason(&error))?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_pre_tokenizer(Some(splitting.splitter().map_err(|error| reason(&error))?));
        Ok(Self { tokenizer })
    }

    /// Appends the tokens of a text.
    pub(super) fn encode(&self, text: &str, tokens: &mut Vec<u32>) -> Result<(), String> {
        let encoded = self.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
        tokens.extend_from_slice(encoded.get_ids());
        Ok(())
    }
}

/// The two texts of a merge; a token may itself begin with a space.
fn pair(merge: &str) -> Option<(String, String)> {
    let first = merge.chars().next()?.len_utf8();
    let (left, right) = merge[first..].split_once(' ')?;
    Some((format!("{}{left}", &merge[..first]), right.to_owned()))
}

/// What each token spells; control tokens spell nothing.
pub(super) fn spell(table: &Table) -> Vec<Vec<u8>> {
    let alphabet = alphabet();
    let spelled = |(text, kind): (&String, &Kind)| match kind {
        Kind::Normal | Kind::Byte => text.chars().filter_map(|c| alphabet.get(&c).copied()).collect(),
        Kind::Always => text.as_bytes().to_vec(),
        Kind::Control | Kind::Unknown | Kind::Unused => Vec::new(),
    };
    table.texts.iter().zip(&table.kinds).map(spelled).collect()
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

    #[test]
    fn merges_are_split_at_the_first_space_after_the_first_letter() {
        assert_eq!(pair("a b"), Some(("a".to_owned(), "b".to_owned())));
        assert_eq!(pair("  b"), Some((" ".to_owned(), "b".to_owned())));
        assert_eq!((pair("ab"), pair("")), (None, None));
    }
}
