//! Tokenizers, families and templates against llama.cpp; `tests/golden/families.py` makes the files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::crew::ALONE;
use super::forward::{Pass, Segment, TRUNK};
use super::gguf::ModelFile;
use super::matrix::Matrix;
use super::model::Model;
use super::simd::Cpu;
use super::template::Template;
use super::vocabulary::{Piece, Vocabulary};
use crate::{Message, Prompt, Role};

const TOKENIZERS: &str = include_str!("../../tests/golden/tokenizers.json");
const VOCABULARIES: &str = include_str!("../../tests/golden/vocabularies.json");
pub(super) const FAMILIES: &str = include_str!("../../tests/golden/families.json");
const TEMPLATES: &str = include_str!("../../tests/golden/templates.json");

pub(super) fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

pub(super) fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap()
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

fn ids(json: &Json) -> Vec<u32> {
    serde_json::from_value(json.clone()).unwrap()
}

/// The tables of tokens, which the other files refer to by name.
pub(super) fn tokenizers() -> &'static Json {
    static PARSED: OnceLock<Json> = OnceLock::new();
    PARSED.get_or_init(|| parsed(TOKENIZERS))
}

/// The numbers of a tensor, from its name and the places alone, as `numbers` in `families.py`.
fn numbers(name: &str, count: usize, offset: f64, scale: f64) -> Vec<f32> {
    let key = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |key, b| (key ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (1..=count as u64)
        .map(|i| {
            let mut z = key.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            let unit = (z >> 48) as f64 / 65536.0 - 0.5;
            (offset + scale * unit) as f32
        })
        .collect()
}

/// Writes the model file of a golden case, whose table of tokens is named or its own; `template` is its chat template.
pub(super) fn write(folder: &Path, case: &Json, template: Option<&str>) -> PathBuf {
    let table = case["table"].as_str().map_or(&case["own"], |name| &tokenizers()["tables"][name]);
    let strings =
        |key: &str| Value::Array(list(&table[key]).iter().map(|t| Value::String(text(t))).collect());
    let mut values = vec![
        (
            "general.architecture".to_owned(),
            Value::String(case["arch"].as_str().unwrap_or("llama").to_owned()),
        ),
        ("tokenizer.ggml.model".to_owned(), Value::String(text(&table["model"]))),
        ("tokenizer.ggml.tokens".to_owned(), strings("tokens")),
    ];
    let kinds = list(&table["kinds"]).iter().map(|kind| Value::I32(kind.as_i64().unwrap() as i32));
    values.push(("tokenizer.ggml.token_type".to_owned(), Value::Array(kinds.collect())));
    if table["merges"].is_array() {
        values.push(("tokenizer.ggml.merges".to_owned(), strings("merges")));
    } else {
        let scores = list(&table["scores"]).iter().map(|score| Value::F32(score.as_f64().unwrap() as f32));
        values.push(("tokenizer.ggml.scores".to_owned(), Value::Array(scores.collect())));
    }
    for (key, value) in case["values"].as_object().unwrap() {
        let value = match value[0].as_str().unwrap() {
            "u32" => Value::U32(value[1].as_u64().unwrap() as u32),
            "f32" => Value::F32(value[1].as_f64().unwrap() as f32),
            "bool" => Value::Bool(value[1].as_bool().unwrap()),
            _ => Value::String(text(&value[1])),
        };
        values.push((key.clone(), value));
    }
    values.extend(template.map(|t| ("tokenizer.chat_template".to_owned(), Value::String(t.to_owned()))));
    let tensors: Vec<(String, QTensor)> = case["tensors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tensor| {
            let name = text(&tensor[0]);
            let shape: Vec<usize> = serde_json::from_value(tensor[1].clone()).unwrap();
            let (offset, scale) = (tensor[2].as_f64().unwrap(), tensor[3].as_f64().unwrap());
            let plain = numbers(&name, shape.iter().product(), offset, scale);
            let plain = Tensor::from_vec(plain, shape, &Device::Cpu).unwrap();
            (name, QTensor::quantize(&plain, GgmlDType::F32).unwrap())
        })
        .collect();
    let path = folder.join("golden.gguf");
    let values: Vec<(&str, &Value)> = values.iter().map(|(k, v)| (k.as_str(), v)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(k, t)| (k.as_str(), t)).collect();
    gguf_file::write(&mut File::create(&path).unwrap(), &values, &tensors).unwrap();
    path
}

/// The texts of `vocabulary` whose tokens are others than `golden`.
fn differing(vocabulary: &Vocabulary, golden: &Json, start: usize) -> Vec<String> {
    let cases = list(&tokenizers()["texts"]).iter().zip(list(golden));
    cases
        .filter_map(|(case, expected)| {
            let found = vocabulary.encode(&[Piece::Text(text(case))]).unwrap();
            let (found, expected) = (&found[start..], ids(expected));
            (found != expected).then(|| format!("{case}: {found:?} instead of {expected:?}"))
        })
        .collect()
}

#[test]
fn ids_are_those_of_llama_cpp_whatever_the_tokenizer() {
    for case in list(&tokenizers()["vocabularies"]) {
        let folder = TempDir::new().unwrap();
        let file = ModelFile::open(&write(folder.path(), case, None)).unwrap();
        let vocabulary = Vocabulary::read(&file).unwrap();
        let start = vocabulary.encode(&[]).unwrap().len();
        let wrong = differing(&vocabulary, &case["ids"], start);
        assert!(wrong.is_empty(), "{}: {}\n{}", case["name"], wrong.len(), wrong.join("\n"));
        assert_eq!(vocabulary.encode(&[Piece::Text("Hello".to_owned())]).unwrap(), ids(&case["start"]));
        let cut = vocabulary.cut("a<|im_end|>b</s> <end_of_turn><think>");
        assert_eq!(vocabulary.encode(&cut).unwrap()[start..], ids(&case["special"]), "{}", case["name"]);
        let case_table = case["table"].as_str().unwrap();
        for case in list(&tokenizers()["texts"]) {
            let tokens = vocabulary.encode(&[Piece::Text(text(case))]).unwrap();
            let spelled: Vec<u8> =
                tokens[start..].iter().flat_map(|t| vocabulary.spell(*t)).copied().collect();
            let spelled = String::from_utf8(spelled).unwrap();
            // SentencePiece writes spaces as U+2581, so those two become one; and it puts some in front.
            let bare = |text: &str| match case_table {
                "bpe" => text.to_owned(),
                _ => text.replace(['\u{2581}', ' '], ""),
            };
            assert_eq!(bare(&spelled), bare(&text(case)));
        }
    }
}

/// Files of real models, `METAORCH_TOKENIZER_FILES/NAME.gguf`; those that are missing are skipped.
#[test]
fn ids_of_real_vocabularies_are_those_of_llama_cpp() {
    let folder = std::env::var_os("METAORCH_TOKENIZER_FILES").map(PathBuf::from);
    let golden = parsed(VOCABULARIES);
    for (name, golden) in golden["ids"].as_object().unwrap() {
        let path = folder.as_ref().map(|folder| folder.join(format!("{name}.gguf")));
        let own = std::env::var_os("METAORCH_MODEL_PATH").filter(|_| name == "smollm2").map(PathBuf::from);
        let Some(path) = path.filter(|path| path.is_file()).or(own) else {
            eprintln!("skipped: METAORCH_TOKENIZER_FILES names no folder with {name}.gguf");
            continue;
        };
        let vocabulary = Vocabulary::read(&ModelFile::open(&path).unwrap()).unwrap();
        let start = vocabulary.encode(&[]).unwrap().len();
        let wrong = differing(&vocabulary, golden, start);
        assert!(wrong.is_empty(), "{name}: {}\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// Log-probabilities of all tokens after a described token.
fn log_probs(model: &Model, cpu: Cpu, described: &Matrix) -> Vec<f64> {
    let logits = model.logits(cpu, &ALONE, described);
    let logits: Vec<f64> = logits.row(0)[..model.shape.vocabulary].iter().map(|x| f64::from(*x)).collect();
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - top).exp()).sum();
    logits.iter().map(|logit| logit - top - sum.ln()).collect()
}

#[test]
fn every_family_says_what_llama_cpp_says() {
    for case in list(&parsed(FAMILIES)["models"]) {
        // llama.cpp looks GELU up in a table of half-precision numbers, which alone moves gemma3's by up to 3e-3.
        let limit = if case["arch"] == "gemma3" { 5e-3 } else { 1e-4 };
        let mut worst = 0.0_f64;
        let folder = TempDir::new().unwrap();
        let mut file = ModelFile::open(&write(folder.path(), case, None)).unwrap();
        let model = Model::read(&mut file).unwrap();
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            for prompt in list(&case["prompts"]) {
                let tokens = ids(&prompt["tokens"]);
                let mut arena = model.arena();
                let positions: Vec<u32> = (0..tokens.len() as u32).collect();
                // Read in two passes, so that the window reaches into what is stored.
                let first = tokens.len() / 2;
                let mut described = None;
                for (from, to) in [(0, first), (first, tokens.len())] {
                    let wanted: &[usize] = if to == tokens.len() { &[to - from - 1] } else { &[] };
                    if from < to {
                        let branches = vec![TRUNK; to - from];
                        let (tokens, positions) = (&tokens[from..to], &positions[from..to]);
                        let pass = Pass { tokens, positions, branches: &branches, wanted };
                        let segment = Segment { arena: &mut arena, pass };
                        described = Some(model.forward(cpu, &ALONE, &mut [segment]));
                    }
                }
                let mut described = described.unwrap();
                for (i, step) in list(&prompt["steps"]).iter().enumerate() {
                    let found = log_probs(&model, cpu, &described);
                    for top in list(&step["top"]) {
                        let (id, expected) = (top[0].as_u64().unwrap() as usize, top[1].as_f64().unwrap());
                        worst = worst.max((found[id] - expected).abs());
                        assert!(
                            worst < limit,
                            "{} after {} tokens, step {i}: token {id} {} instead of {expected}",
                            case["name"],
                            tokens.len(),
                            found[id]
                        );
                    }
                    let Some(token) = step["id"].as_u64().map(|id| id as u32) else { continue };
                    let best = found.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
                    assert_eq!(best, token as usize, "{} step {i}", case["name"]);
                    let positions = [(tokens.len() + i) as u32];
                    let (tokens, branches) = ([token], [TRUNK]);
                    let (tokens, positions, branches) = (&tokens, &positions, &branches);
                    let pass = Pass { tokens, positions, branches, wanted: &[0] };
                    described = model.forward(cpu, &ALONE, &mut [Segment { arena: &mut arena, pass }]);
                }
            }
        }
        println!("{}: log-probabilities within {worst:.1e} of llama.cpp's", case["name"]);
    }
}

#[test]
fn templates_write_what_llama_cpp_writes() {
    let golden = parsed(TEMPLATES);
    for case in list(&golden["templates"]) {
        let folder = TempDir::new().unwrap();
        let own = text(&case["template"]);
        let file = ModelFile::open(&write(folder.path(), case, Some(&own))).unwrap();
        let vocabulary = Vocabulary::read(&file).unwrap();
        let template = Template::read(&file, &vocabulary);
        for (chat, expected) in list(&golden["chats"]).iter().zip(list(&case["written"])) {
            let message = |turn: &Json| {
                let role = match turn[0].as_str().unwrap() {
                    "system" => Role::System,
                    "user" => Role::User,
                    _ => Role::Assistant,
                };
                Message { role, content: text(&turn[1]) }
            };
            let chat = Prompt::Chat(list(chat).iter().map(message).collect());
            let written = template.write(&vocabulary, &chat, 0).unwrap();
            let spelled: String = written
                .whole
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Special(id) => vocabulary.special(*id).unwrap().to_owned(),
                })
                .collect();
            // llama.cpp leaves a start token out that it will add itself.
            let start = vocabulary.encode(&[]).unwrap();
            let start = start.first().and_then(|id| vocabulary.special(*id)).unwrap_or_default();
            let spelled = spelled.strip_prefix(start).unwrap_or(&spelled);
            assert_eq!(spelled, text(expected), "{}", case["name"]);
            let tokens = vocabulary.encode(&written.whole).unwrap();
            let starts = tokens.iter().filter(|id| vocabulary.special(**id) == Some(start)).count();
            assert_eq!(starts, 1, "{}", case["name"]);
        }
    }
}
