//! The default model against llama.cpp; skipped where the file is not at hand.

use std::path::PathBuf;

use inference::embedded::EmbeddedClient;
use inference::{Generate, LlmClient, Message, Prompt, Role, Score};
use serde_json::Value;

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// The default model's file, if this machine has it.
fn model() -> Option<EmbeddedClient> {
    let cache = || {
        let root = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(root.join("metaorchestrator/models/b179c9523d0e").join(FILE))
    };
    let path = std::env::var_os("METAORCH_MODEL_PATH").map(PathBuf::from).or_else(cache)?;
    if !path.is_file() {
        eprintln!("skipped: no model file at {}", path.display());
        return None;
    }
    Some(EmbeddedClient::open(path).unwrap())
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../golden/smollm2.json")).unwrap()
}

#[tokio::test]
async fn likeliest_tokens_are_those_of_llama_cpp() {
    let Some(client) = model() else { return };
    for case in golden()["prompts"].as_array().unwrap() {
        let text = case["prompt"].as_str().unwrap().to_owned();
        // The third prompt is what the template makes of this chat.
        let prompt = if text.starts_with("<|im_start|>") {
            let content = "What is 2 + 2?".to_owned();
            Prompt::Chat(vec![Message { role: Role::User, content }])
        } else {
            Prompt::Text(text.clone())
        };
        let count = case["tokens"].as_array().unwrap().len() as u64;
        assert_eq!(client.cap(&Generate::new(prompt.clone())).tokens_in, count, "{text}");
        let top = case["top"].as_array().unwrap();
        let labels = top.iter().map(|t| t["text"].as_str().unwrap().to_owned()).collect();
        let scored = client.score(&Score::new(prompt, labels)).await.unwrap();
        assert!(scored.tokens.iter().all(|&n| n == 1), "{text}: {:?}", scored.tokens);
        for (found, top) in scored.log_probs.iter().zip(top) {
            // llama.cpp ran without rounding activations to 8 bits, which alone moves these by up to 0.16.
            let theirs = top["log_prob"].as_f64().unwrap();
            assert!((found - theirs).abs() < 1e-3, "{text:?} {top}: {found}");
        }
    }
}

#[tokio::test]
async fn an_easy_question_is_answered() {
    let Some(client) = model() else { return };
    let content = "What is the capital of France? Answer in one sentence.".to_owned();
    let mut request = Generate::new(Prompt::Chat(vec![Message { role: Role::User, content }]));
    request.max_tokens = 24;
    let answer = client.generate(&request).await.unwrap();
    assert!(answer.text.contains("Paris"), "{answer:?}");
    assert_eq!(answer.text, client.generate(&request).await.unwrap().text);
}
