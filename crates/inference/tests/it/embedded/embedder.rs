//! all-MiniLM-L6-v2 against double precision; skipped where its files are not at hand.

use std::path::PathBuf;

use inference::embedded::{EmbeddedOptions, SentenceEmbedder};
use inference::{Embed, Generate, InferenceError, LlmClient, Prompt};
use serde_json::Value;
use tempfile::TempDir;

/// The folder of the model, if this machine has it.
fn folder() -> Option<PathBuf> {
    let cache = || {
        let root = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(root.join("metaorchestrator/models/53aa51172d14"))
    };
    let path = std::env::var_os("METAORCH_EMBEDDER_PATH").map(PathBuf::from).or_else(cache)?;
    if !path.join("model.safetensors").is_file() {
        eprintln!("skipped: no model.safetensors in {}", path.display());
        return None;
    }
    Some(path)
}

fn golden() -> Vec<(String, u64, Vec<f64>)> {
    let golden: Value = serde_json::from_str(include_str!("../../golden/minilm.json")).unwrap();
    let row = |row: &Value| {
        let vector = serde_json::from_value(row["vector"].clone()).unwrap();
        (row["text"].as_str().unwrap().to_owned(), row["tokens"].as_u64().unwrap(), vector)
    };
    golden["sentences"].as_array().unwrap().iter().map(row).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn cosines_are_those_of_double_precision() {
    let Some(folder) = folder() else { return };
    let golden = golden();
    let texts: Vec<String> = golden.iter().map(|(text, ..)| text.clone()).collect();
    let embedder = SentenceEmbedder::open(&folder).unwrap();
    let embedded = embedder.embed(&Embed::new(texts.clone())).await.unwrap();
    assert_eq!(embedded.usage.tokens_in, golden.iter().map(|(_, tokens, _)| tokens).sum::<u64>());
    let found: Vec<Vec<f64>> =
        embedded.vectors.iter().map(|v| v.iter().map(|x| f64::from(*x)).collect()).collect();
    let mut worst = 0.0_f64;
    for (i, a) in found.iter().enumerate() {
        assert!((dot(a, a) - 1.0).abs() < 1e-6);
        worst = worst.max(1.0 - dot(a, &golden[i].2));
        for (j, b) in found.iter().enumerate() {
            worst = worst.max((dot(a, b) - dot(&golden[i].2, &golden[j].2)).abs());
        }
    }
    println!("greatest difference of {} cosines: {worst:.1e}", texts.len() * texts.len());
    assert!(worst < 1e-5, "{worst}");
    // The same bits one by one, in another order, on another number of threads, and from the path of the file.
    let mut options = EmbeddedOptions::default();
    options.threads = 3.try_into().unwrap();
    let other = SentenceEmbedder::open_with(folder.join("model.safetensors"), &options).unwrap();
    assert_eq!((other.identity(), other.concurrency()), (embedder.identity(), 3));
    for (text, vector) in texts.iter().zip(&embedded.vectors).rev() {
        let alone = other.embed(&Embed::new(vec![text.clone()])).await.unwrap();
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&alone.vectors[0]), bits(vector), "{text}");
    }
    let refused = embedder.generate(&Generate::new(Prompt::Text("x".into()))).await.unwrap_err();
    assert!(matches!(refused, InferenceError::Unsupported { .. }), "{refused}");
}

#[test]
fn damaged_and_other_encoders_are_refused() {
    let folder = TempDir::new().unwrap();
    let open = || SentenceEmbedder::open(folder.path()).err().unwrap();
    assert!(matches!(open(), InferenceError::Io { .. }));
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let config = |kind: &str, heads: u32| {
        format!(
            r#"{{"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": {heads},
            "vocab_size": 9, "max_position_embeddings": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
            "model_type": "{kind}"}}"#
        )
    };
    for (text, part) in [
        ("{}".to_owned(), "hidden_size"),
        (config("roberta", 2), "'roberta'"),
        (config("bert", 3), "do not divide"),
        (config("bert", 0), "impossible sizes"),
        (config("bert", 2), "tokenizer.json"),
    ] {
        write("config.json", &text);
        let message = open().to_string();
        assert!(message.contains(part) && !message.contains('\n'), "{message}");
    }
    write("tokenizer.json", "{}");
    assert!(open().to_string().contains("is no tokenizer"), "{}", open());
    let words = r###"{"version": "1.0", "model": {"type": "WordPiece", "unk_token": "u", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {"u": 0}}}"###;
    write("tokenizer.json", words);
    write("model.safetensors", "not a file of tensors");
    assert!(open().to_string().contains("cannot be read"), "{}", open());
}
