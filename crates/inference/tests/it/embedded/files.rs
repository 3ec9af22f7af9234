//! Model files that are damaged or of another kind.

use std::fs;

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use inference::{InferenceError, LlmClient};
use tempfile::TempDir;

use super::tiny::Parts;

#[track_caller]
fn refused(change: impl FnOnce(&mut Parts), part: &str) {
    let mut parts = Parts::sound(GgmlDType::Q4_1);
    change(&mut parts);
    let folder = TempDir::new().unwrap();
    let Err(error) = EmbeddedClient::open(parts.write(folder.path())) else { panic!("was taken: {part}") };
    assert!(matches!(error, InferenceError::Model { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(part) && !message.contains('\n'), "{message}");
}

fn text(s: &str) -> Value {
    Value::String(s.to_owned())
}

#[test]
fn other_kinds_of_models_are_refused() {
    refused(
        |p| p.set("general.architecture", text("mamba")),
        "'mamba'; the embedded engine runs llama, qwen2",
    );
    refused(|p| p.set("llama.expert_count", Value::U32(8)), "mixture of experts");
    refused(|p| p.set("llama.rope.scaling.type", text("yarn")), "'yarn'");
    refused(|p| p.set("llama.rope.scaling.factor", Value::F32(-1.0)), "above 0");
    refused(|p| p.set("llama.attention.value_length", Value::U32(8)), "values and keys");
    refused(|p| p.set("llama.final_logit_softcapping", Value::F32(30.0)), "caps logits");
    refused(|p| p.set("tokenizer.ggml.pre", text("klingon")), "'klingon'; the embedded engine knows smollm");
    refused(|p| p.set("tokenizer.ggml.model", text("t5")), "'t5'; the embedded engine knows 'gpt2'");
    refused(|p| p.set("tokenizer.ggml.token_type", Value::Array(vec![Value::I32(1)])), "1 entries");
    refused(|p| p.values.retain(|(k, _)| k != "tokenizer.ggml.merges"), "'tokenizer.ggml.merges'");
    refused(|p| p.set("tokenizer.ggml.merges", Value::Array(vec![text("nospace")])), "merge 0");
    refused(|p| p.set("general.architecture", text("gemma3")), "'gemma3.");
}

#[test]
fn contradictory_headers_are_refused() {
    refused(|p| p.values.retain(|(k, _)| k != "llama.block_count"), "'llama.block_count'");
    refused(|p| p.set("llama.attention.head_count_kv", Value::U32(3)), "must divide");
    refused(|p| p.set("llama.embedding_length", Value::U32(96)), "token_embd.weight");
    refused(|p| p.set("llama.block_count", Value::U32(3)), "blk.2.attn_norm");
    refused(|p| p.set("llama.block_count", Value::U32(1)), "would ignore");
    refused(|p| p.set("llama.embedding_length", Value::U32(0)), "= 0");
    refused(|p| p.tensors.retain(|(n, _)| n != "blk.1.ffn_up.weight"), "'blk.1.ffn_up.weight'");
}

#[test]
fn damaged_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = Parts::sound(GgmlDType::Q4_1).write(folder.path());
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 20, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let Err(error) = EmbeddedClient::open(&path) else { panic!("{length} bytes were taken") };
        assert!(matches!(error, InferenceError::Model { .. }), "{length}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let missing = EmbeddedClient::open(folder.path().join("missing.gguf")).err().unwrap();
    assert!(matches!(missing, InferenceError::Io { .. }), "{missing}");
}

#[test]
fn the_name_follows_the_file() {
    let folder = TempDir::new().unwrap();
    let path = Parts::sound(GgmlDType::Q4_1).write(folder.path());
    let client = EmbeddedClient::open(&path).unwrap();
    assert!(client.identity().starts_with("embedded:") && client.identity().len() == 21);
    let mut options = EmbeddedOptions::default();
    options.sha256 = Some("AB".repeat(32));
    options.context = Some(100);
    let named = EmbeddedClient::open_with(&path, &options).unwrap();
    assert_eq!((named.identity(), named.context()), ("embedded:abababababab", 100));
    options.sha256 = Some("short".to_owned());
    assert!(EmbeddedClient::open_with(&path, &options).is_err());
}
