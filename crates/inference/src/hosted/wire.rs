use serde::Serialize;
use serde_json::{Value, json};

use super::LimitField;
use crate::{Generate, Prompt};

/// The most alternatives a token that the protocol knows.
const TOP_LIMIT: u8 = 20;

/// Tokens that a chat template may add to each message and to the whole.
const TEMPLATE_TOKENS: u64 = 16;

/// Fields that are at their protocol's default are left out, because some endpoints refuse them.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    temperature: f32,
    #[serde(skip_serializing_if = "is_all")]
    top_p: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: crate::Role,
    content: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_all(top_p: &f32) -> bool {
    *top_p >= 1.0
}

/// Says what no endpoint can be asked.
pub(super) fn check(request: &Generate) -> Result<(), String> {
    if request.max_tokens == 0 {
        return Err("max_tokens is 0; it must be at least 1".to_owned());
    }
    if !(request.temperature.is_finite() && request.temperature >= 0.0) {
        return Err(format!("temperature is {}; it must be a number from 0", request.temperature));
    }
    if !(request.top_p > 0.0 && request.top_p <= 1.0) {
        return Err(format!("top_p is {}; it must be above 0 and at most 1", request.top_p));
    }
    if let Some(top) = request.log_probs.filter(|top| *top > TOP_LIMIT) {
        return Err(format!("log_probs is {top}; it must be at most {TOP_LIMIT}"));
    }
    if matches!(&request.prompt, Prompt::Chat(messages) if messages.is_empty()) {
        return Err("the chat is empty; it must hold at least one message".to_owned());
    }
    Ok(())
}

/// The request's JSON, or what is wrong with it.
pub(super) fn write(
    request: &Generate,
    model: &str,
    limit: LimitField,
    stream: bool,
) -> Result<Vec<u8>, String> {
    check(request)?;
    let messages = match &request.prompt {
        Prompt::Text(text) => vec![Turn { role: crate::Role::User, content: text }],
        Prompt::Chat(messages) => {
            messages.iter().map(|message| Turn { role: message.role, content: &message.content }).collect()
        }
    };
    let body = Body {
        model,
        messages,
        max_tokens: (limit == LimitField::MaxTokens).then_some(request.max_tokens),
        max_completion_tokens: (limit == LimitField::MaxCompletionTokens).then_some(request.max_tokens),
        temperature: request.temperature,
        top_p: request.top_p,
        seed: (!request.is_greedy()).then_some(request.seed & 0x7fff_ffff),
        stop: &request.stop,
        response_format: request.schema.as_ref().map(|schema| {
            let json_schema = json!({"name": schema.name, "strict": true, "schema": schema.schema});
            json!({"type": "json_schema", "json_schema": json_schema})
        }),
        logprobs: request.log_probs.map(|_| true),
        top_logprobs: request.log_probs.filter(|top| *top > 0),
        stream: stream.then_some(true),
        stream_options: stream.then(|| json!({"include_usage": true})),
    };
    serde_json::to_vec(&body).map_err(|error| error.to_string())
}

/// A bound on the tokens of a prompt: its bytes, plus what a template adds.
pub(super) fn most_tokens(prompt: &Prompt) -> u64 {
    let (bytes, messages) = match prompt {
        Prompt::Text(text) => (text.len(), 1),
        Prompt::Chat(messages) => {
            (messages.iter().map(|message| message.content.len()).sum(), messages.len())
        }
    };
    (bytes as u64).saturating_add(TEMPLATE_TOKENS * (messages as u64 + 1))
}
