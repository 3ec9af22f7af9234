use meta_traits::Cost;
use serde::Deserialize;
use serde_json::Value;

use super::Price;
use crate::{Generated, StopCause, TokenLogProb, Usage};

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    /// The whole answer, or with streaming the next piece.
    #[serde(alias = "delta")]
    message: Said,
    finish_reason: Option<String>,
    logprobs: Option<LogProbs>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct LogProbs {
    content: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    token: String,
    logprob: f64,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    token: String,
    logprob: f64,
}

impl From<Entry> for TokenLogProb {
    fn from(entry: Entry) -> Self {
        let top = entry.top_logprobs.into_iter().map(|other| (other.token, other.logprob)).collect();
        Self { top, ..Self::new(entry.token, entry.logprob) }
    }
}

/// What an endpoint says it used.
#[derive(Deserialize)]
pub(super) struct Counted {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Counted {
    /// The usage with its price; `cap` where the endpoint did not say.
    pub(super) fn usage(counted: Option<&Self>, price: &Price, cap: &Cost) -> Usage {
        let Some(counted) = counted else {
            return Usage { nano_usd: cap.nano_usd, ..Usage::new(cap.tokens_in, cap.tokens_out) };
        };
        let cached = counted.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
        Usage {
            tokens_in: counted.prompt_tokens,
            tokens_cached: cached.unwrap_or(0).min(counted.prompt_tokens),
            tokens_out: counted.completion_tokens,
            nano_usd: price.of(counted.prompt_tokens, counted.completion_tokens),
            from_cache: false,
        }
    }
}

/// An answer as far as it has come.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) log_probs: Vec<TokenLogProb>,
    stop: Option<StopCause>,
    /// Why the answer, or its end, is withheld.
    pub(super) withheld: Option<String>,
    pub(super) counted: Option<Counted>,
}

impl Answer {
    /// Reads a whole answer, or says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let completion: Completion = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Some(first) = completion.choices.into_iter().next() else {
            return Err("`choices` is empty".to_owned());
        };
        let mut answer = Self { counted: completion.usage, ..Self::default() };
        let said = answer.add(first);
        match said {
            Some(_) => {}
            // A model may spend its whole limit before the first visible word.
            None if answer.stop == Some(StopCause::Length) || answer.withheld.is_some() => {}
            None => return Err("`choices[0].message.content` holds no text".to_owned()),
        }
        Ok(answer)
    }

    /// Takes one event of a stream in: the new piece of text.
    pub(super) fn take(&mut self, event: &str) -> Result<Option<String>, String> {
        let chunk: Completion = serde_json::from_str(event).map_err(|error| error.to_string())?;
        if chunk.usage.is_some() {
            self.counted = chunk.usage;
        }
        Ok(chunk.choices.into_iter().next().and_then(|choice| self.add(choice)))
    }

    fn add(&mut self, choice: Choice) -> Option<String> {
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("length") => self.stop = Some(StopCause::Length),
            Some("content_filter") => {
                self.stop = Some(StopCause::Stop);
                self.withheld = Some("its content filter cut it".to_owned());
            }
            Some(_) => self.stop = Some(StopCause::Stop),
        }
        if let Some(refusal) = choice.message.refusal {
            self.withheld.get_or_insert_default().push_str(&refusal);
        }
        let entries = choice.logprobs.and_then(|logprobs| logprobs.content).into_iter().flatten();
        self.log_probs.extend(entries.map(TokenLogProb::from));
        let text = choice.message.content?;
        self.text.push_str(&text);
        Some(text)
    }

    /// Whether the endpoint has said why the text ended.
    pub(super) fn is_ended(&self) -> bool {
        self.stop.is_some()
    }

    /// The answer with what it used; `cap` where the endpoint did not say.
    pub(super) fn charged(self, price: &Price, cap: &Cost) -> Generated {
        let usage = Counted::usage(self.counted.as_ref(), price, cap);
        let stop = self.stop.unwrap_or(StopCause::Stop);
        Generated { log_probs: self.log_probs, ..Generated::new(self.text, stop, usage) }
    }
}

/// The status of an error that came with a status of success, as gateways send it.
pub(super) fn hidden_error(bytes: &[u8]) -> Option<u16> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    let error = json.get("error").filter(|error| !error.is_null())?;
    let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    if let Some(code) = code.filter(|code| (400..600).contains(code)) {
        return Some(code);
    }
    // Anthropic names the sort alone within a stream.
    Some(match error.get("type").and_then(Value::as_str) {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("rate_limit_error") => 429,
        Some("overloaded_error") => 529,
        _ => 500,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_behind_a_success_are_seen() {
        assert_eq!(hidden_error(br#"{"error":{"code":429,"message":"slow"}}"#), Some(429));
        assert_eq!(hidden_error(br#"{"error":{"code":"x"}}"#), Some(500));
        assert_eq!(hidden_error(br#"{"error":null,"choices":[]}"#), None);
        assert_eq!(hidden_error(b"[]"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Answer::read(&bytes).is_ok(), hidden_error(&bytes));
            let _ = Answer::default().take(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn mutated_answers_are_read_or_refused(at in 0_usize..120, byte: u8) {
            let mut bytes = br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop","logprobs":{"content":[{"token":"hi","logprob":-0.5}]}}]}"#.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(answer) = Answer::read(&bytes) {
                prop_assert!(answer.text.len() <= 6);
            }
        }
    }
}
