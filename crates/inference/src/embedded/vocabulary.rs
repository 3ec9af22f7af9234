use super::gguf::ModelFile;
use crate::InferenceError;

mod byte_pair;
mod sentence_piece;
mod special;
mod split;
mod table;

use byte_pair::BytePairs;
use sentence_piece::SentencePieces;
use special::Specials;
use split::Splitting;
use table::{Kind, Table};

/// Text as the tokenizer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Ordinary text. It never becomes a control token, whatever it spells.
    Text(String),
    /// One special token.
    Special(u32),
}

/// The tokens of a model, read from its file; ids are those of llama.cpp.
pub(crate) struct Vocabulary {
    coder: Coder,
    specials: Specials,
    /// Written form and kind of each token.
    table: Table,
    /// What each token spells; control tokens spell nothing.
    bytes: Vec<Vec<u8>>,
    /// Tokens that end a turn.
    ends: Vec<u32>,
    /// Put before every text, where the model wants it.
    start: Option<u32>,
}

/// How text without special tokens becomes tokens.
enum Coder {
    BytePairs(Box<BytePairs>),
    SentencePieces(SentencePieces),
}

impl Vocabulary {
    /// Reads the tokenizer of a model file.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for tokenizers other than byte-level BPE with a known splitting and SentencePiece
    /// models, and for contradictory ones.
    pub(crate) fn read(file: &ModelFile) -> Result<Self, InferenceError> {
        let table = Table::read(file)?;
        let model = file.text("tokenizer.ggml.model").unwrap_or("none");
        let (coder, bytes, starts, default_start) = match model {
            "gpt2" => {
                let pre = file.text("tokenizer.ggml.pre").filter(|pre| !pre.is_empty());
                let splitting =
                    Splitting::named(pre.unwrap_or("default")).map_err(|message| file.error(message))?;
                let coder = Coder::BytePairs(Box::new(BytePairs::read(file, &table, splitting)?));
                (coder, byte_pair::spell(&table), splitting.starts, 11)
            }
            "llama" => {
                let space_first = file.choice("tokenizer.ggml.add_space_prefix").unwrap_or(true);
                let coder = Coder::SentencePieces(SentencePieces::new(&table, space_first));
                (coder, sentence_piece::spell(&table), true, 1)
            }
            other => {
                return Err(file.error(format!(
                    "has a tokenizer of the kind '{other}'; the embedded engine knows 'gpt2' (byte-level BPE) and \
                     'llama' (SentencePiece)"
                )));
            }
        };
        let id = |key: &str| {
            let id = file.number(key).and_then(|id| u32::try_from(id).ok());
            id.filter(|id| (*id as usize) < table.texts.len())
        };
        let mut ends = table.ends();
        let named = ["eos", "eot", "eom"].map(|name| format!("tokenizer.ggml.{name}_token_id"));
        ends.extend(named.iter().filter_map(|key| id(key)));
        let adds = file.choice("tokenizer.ggml.add_bos_token").unwrap_or(starts);
        let start = id("tokenizer.ggml.bos_token_id").or(Some(default_start));
        let start = start.filter(|id| adds && (*id as usize) < table.texts.len());
        Ok(Self { coder, specials: Specials::of(&table), table, bytes, ends, start })
    }

    /// The tokens of a text made of pieces. The model's start token comes first, once.
    pub(crate) fn encode(&self, pieces: &[Piece]) -> Result<Vec<u32>, String> {
        let has_start = matches!(pieces.first(), Some(Piece::Special(id)) if self.start == Some(*id));
        let mut tokens: Vec<u32> = self.start.into_iter().filter(|_| !has_start).collect();
        let mut first = true;
        let mut add = |piece: &Piece| {
            match (piece, &self.coder) {
                (Piece::Special(id), _) => tokens.push(*id),
                (Piece::Text(text), Coder::BytePairs(coder)) => coder.encode(text, &mut tokens)?,
                (Piece::Text(text), Coder::SentencePieces(coder)) => coder.encode(text, first, &mut tokens),
            }
            first = matches!(piece, Piece::Special(_));
            Ok::<(), String>(())
        };
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.specials.cut(text, false).iter().try_for_each(&mut add)?,
                special @ Piece::Special(_) => add(special)?,
            }
        }
        Ok(tokens)
    }

    /// Cuts a text at the special tokens it spells; only for text that the model's own template wrote.
    pub(crate) fn cut(&self, text: &str) -> Vec<Piece> {
        self.specials.cut(text, true)
    }

    /// Written forms of the tokens that stand for no text.
    pub(crate) fn specials(&self) -> impl Iterator<Item = &str> {
        self.specials.control()
    }

    /// The written form of `id` if it is special.
    pub(crate) fn special(&self, id: u32) -> Option<&str> {
        let kind = self.table.kinds.get(id as usize)?;
        let special = matches!(kind, Kind::Control | Kind::Unknown | Kind::Always);
        special.then(|| self.table.texts[id as usize].as_str())
    }

    /// What a token spells; nothing for control tokens.
    pub(crate) fn spell(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a token ends the model's turn.
    pub(crate) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
