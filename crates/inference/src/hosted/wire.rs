use meta_traits::Cost;
use serde::{Deserialize, Serialize};

use super::LimitField;
use crate::{Generate, Generated, Price, Prompt, StopCause, Usage};

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

/// The request's JSON, or what is wrong with it.
pub(super) fn write(request: &Generate, model: &str, limit: LimitField) -> Result<Vec<u8>, String> {
    if request.max_tokens == 0 {
        return Err("max_tokens is 0; it must be at least 1".to_owned());
    }
    if !(request.temperature.is_finite() && request.temperature >= 0.0) {
        return Err(format!("temperature is {}; it must be a number from 0", request.temperature));
    }
    if !(request.top_p > 0.0 && request.top_p <= 1.0) {
        return Err(format!("top_p is {}; it must be above 0 and at most 1", request.top_p));
    }
    let messages = match &request.prompt {
        Prompt::Text(text) => vec![Turn { role: crate::Role::User, content: text }],
        Prompt::Chat(messages) if !messages.is_empty() => {
            messages.iter().map(|message| Turn { role: message.role, content: &message.content }).collect()
        }
        Prompt::Chat(_) => return Err("the chat is empty; it must hold at least one message".to_owned()),
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

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

/// An answer that is understood.
pub(super) struct Answer {
    text: String,
    stop: StopCause,
    counted: Option<Counted>,
}

/// Reads an answer, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Answer, String> {
    let completion: Completion = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Some(first) = completion.choices.into_iter().next() else {
        return Err("`choices` is empty".to_owned());
    };
    let stop = match first.finish_reason.as_deref() {
        Some("length") => StopCause::Length,
        _ => StopCause::Stop,
    };
    let text = match first.message.content {
        Some(text) => text,
        // A model may spend its whole limit before the first visible word.
        None if stop == StopCause::Length => String::new(),
        None => return Err("`choices[0].message.content` holds no text".to_owned()),
    };
    Ok(Answer { text, stop, counted: completion.usage })
}

impl Answer {
    /// The answer with what it used; `cap` where the endpoint did not say.
    pub(super) fn charged(self, price: &Price, cap: &Cost) -> Generated {
        let usage = match self.counted {
            Some(counted) => {
                let cached = counted.prompt_tokens_details.and_then(|details| details.cached_tokens);
                let usage = Usage {
                    tokens_in: counted.prompt_tokens,
                    tokens_cached: cached.unwrap_or(0).min(counted.prompt_tokens),
                    tokens_out: counted.completion_tokens,
                    nano_usd: 0,
                    from_cache: false,
                };
                Usage { nano_usd: price.of(&usage), ..usage }
            }
            None => Usage { nano_usd: cap.nano_usd, ..Usage::new(cap.tokens_in, cap.tokens_out) },
        };
        Generated::new(self.text, self.stop, usage)
    }
}
