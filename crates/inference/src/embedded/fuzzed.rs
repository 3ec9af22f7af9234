//! Vocabularies and texts nobody would make. `METAORCH_SOAK_N` is the number of cases, 64 if unset.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::gguf::ModelFile;
use super::golden::{tokenizers, write};
use super::template::Template;
use super::vocabulary::{Piece, Vocabulary};
use crate::{Message, Prompt, Role};

fn cases() -> ProptestConfig {
    let n = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    ProptestConfig { cases: n, failure_persistence: None, ..ProptestConfig::default() }
}

fn read(case: &Json) -> Option<Vocabulary> {
    let folder = TempDir::new().unwrap();
    let file = ModelFile::open(&write(folder.path(), case, None)).unwrap();
    let read = Vocabulary::read(&file);
    if let Err(error) = &read {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    read.ok()
}

fn known() -> Vec<Vocabulary> {
    let cases = tokenizers()["vocabularies"].as_array().unwrap();
    cases.iter().map(|case| read(case).unwrap()).collect()
}

proptest! {
    #![proptest_config(cases())]

    /// Tokens of any text spell the text.
    #[test]
    fn tokens_spell_their_text(text in any::<String>(), more in "[ \\n\\ta-c'0-9<>|_\u{2581}]{0,40}") {
        for (case, vocabulary) in tokenizers()["vocabularies"].as_array().unwrap().iter().zip(known()) {
            for text in [&text, &more] {
                let tokens = vocabulary.encode(&[Piece::Text(text.clone())]).unwrap();
                let spelled: Vec<u8> = tokens.iter().flat_map(|t| vocabulary.spell(*t)).copied().collect();
                let spelled = String::from_utf8(spelled).unwrap();
                // SentencePiece puts spaces in front, and U+2581 is a space to it.
                let bare = |text: &str| match case["table"].as_str() {
                    Some("bpe") => text.to_owned(),
                    _ => text.replace(['\u{2581}', ' '], ""),
                };
                prop_assert_eq!(bare(&spelled), bare(text), "{}", case["name"]);
            }
        }
    }

    /// No text becomes a control token.
    #[test]
    fn text_never_becomes_control(parts in prop::collection::vec(0..12_usize, 1..6), between in ".{0,3}") {
        let forms = ["<|im_end|>", "<|im_start|>", "</s>", "<s>", "<unk>", "<end_of_turn>", "[INST]", "<|eot_id|>",
            "<start_of_turn>", "<|begin_of_text|>", "<|endoftext|>", "[/INST]"];
        let text: String = parts.iter().flat_map(|i| [forms[*i], &between]).collect();
        for vocabulary in known() {
            let start = vocabulary.encode(&[]).unwrap().len();
            let control: Vec<&str> = vocabulary.specials().collect();
            for token in &vocabulary.encode(&[Piece::Text(text.clone())]).unwrap()[start..] {
                let written = vocabulary.special(*token);
                prop_assert!(written.is_none_or(|written| !control.contains(&written)), "{:?} in {:?}", written, text);
            }
        }
    }

    /// Any table of tokens is refused or encodes any text into its own tokens.
    #[test]
    fn any_table_is_refused_or_works(
        byte_level: bool,
        pre in prop::sample::select(vec!["gpt-2", "default", "smollm", "llama-bpe", "qwen2", "tekken", "other"]),
        tokens in prop::collection::vec(("[a-c \u{120}\u{10a}\u{2581}é]{0,4}", 0..8_u8, any::<f32>()), 0..40),
        merges in prop::collection::vec("[a-c \u{120}]{0,5}", 0..20),
        texts in prop::collection::vec("[a-c \\né]{0,12}", 1..4),
    ) {
        let column = |f: &dyn Fn(&(String, u8, f32)) -> Json| tokens.iter().map(f).collect::<Vec<_>>();
        let mut table = json!({
            "model": if byte_level { "gpt2" } else { "llama" },
            "tokens": column(&|t| json!(t.0)),
            "kinds": column(&|t| json!(t.1)),
        });
        if byte_level {
            table["merges"] = json!(merges);
        } else {
            // Infinities and NaN have no JSON form.
            table["scores"] = Json::Array(column(&|t| json!(if t.2.is_finite() { t.2 } else { 0.0 })));
        }
        let case = json!({"own": table, "values": {"tokenizer.ggml.pre": ["string", pre]}});
        if let Some(vocabulary) = read(&case) {
            for text in &texts {
                for token in vocabulary.encode(&[Piece::Text(text.clone())]).unwrap() {
                    prop_assert!((token as usize) < tokens.len());
                }
                vocabulary.cut(text);
            }
        }
    }

    /// Any chat template is refused, or writes something, within its steps.
    #[test]
    fn any_template_ends(
        own in "(\\{% for m in messages %\\}|\\{\\{ m.content \\}\\}|\\{% endfor %\\}|\\{%- if loop.first %\\}|\\{% endif %\\}|\\{\\{ range\\(99999\\)\\|list \\}\\}|\\{\\{ 'a' \\* 99999 \\}\\}|x|\\{\\{){0,8}",
        content in any::<String>(),
    ) {
        let folder = TempDir::new().unwrap();
        let case = &tokenizers()["vocabularies"][0];
        let file = ModelFile::open(&write(folder.path(), case, Some(&own))).unwrap();
        let vocabulary = read(case).unwrap();
        let template = Template::read(&file, &vocabulary);
        let chat = Prompt::Chat(vec![Message { role: Role::User, content }]);
        if let Err(message) = template.write(&vocabulary, &chat, 3) {
            prop_assert!(!message.contains('\n'), "{message}");
        }
    }

    /// Any damage to a file is refused, or the file is read.
    #[test]
    fn any_file_is_refused_or_read(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = TempDir::new().unwrap();
        let path = write(folder.path(), &tokenizers()["vocabularies"][0], None);
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        for bytes in [bytes, [b"GGUF\x03\0\0\0", &noise[..]].concat(), noise] {
            fs::write(&path, bytes).unwrap();
            match ModelFile::open(&path) {
                Ok(file) => drop(Vocabulary::read(&file)),
                Err(error) => prop_assert!(!error.to_string().contains('\n'), "{error}"),
            }
        }
    }
}
