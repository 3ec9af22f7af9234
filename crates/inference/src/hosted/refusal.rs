//! What the refusals of the various providers mean.

use std::time::Duration;

use serde_json::Value;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Key,
    Quota,
    Pace,
    Filter,
    Length,
    Redirect,
    Other,
}

/// A refusal's text and the codes beside it, whatever the provider's form.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// `error.message`, `message` or a bare `error`; else the whole body.
    pub(super) message: String,
    /// Codes, types and reasons, in lower case.
    codes: Vec<String>,
    /// Google's advice on when to ask again.
    pub(super) wait: Option<Duration>,
}

/// Phrases by which providers without a code for it say that a prompt is too long.
const TOO_LONG: [&str; 8] = [
    "maximum context length",
    "context length exceeded",
    "prompt is too long",
    "exceeds the maximum number of tokens",
    "exceeds the available context size",
    "exceed context limit",
    "exceeds the context window",
    "too many tokens",
];

impl Refusal {
    pub(super) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let Ok(json) = serde_json::from_str::<Value>(&text) else {
            return Self { message: text.into_owned(), ..Self::default() };
        };
        // Gemini sends a list of one when it streams.
        let json = json.as_array().and_then(|list| list.first()).unwrap_or(&json);
        let error = json.get("error").unwrap_or(json);
        let message = error
            .as_str()
            .or_else(|| error.get("message")?.as_str())
            .or_else(|| json.get("message")?.as_str())
            .map_or_else(|| text.clone().into_owned(), str::to_owned);
        let mut refusal = Self { message, ..Self::default() };
        for name in ["code", "type", "status"] {
            refusal.add_code(error.get(name));
        }
        // OpenRouter wraps the words of the provider behind it, and names what its moderation flagged.
        if error.pointer("/metadata/reasons").is_some() {
            refusal.codes.push("content_filter".to_owned());
        }
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            refusal.add_code(detail.get("reason"));
            for broken in detail.get("violations").and_then(Value::as_array).into_iter().flatten() {
                refusal.add_code(broken.get("quotaId"));
            }
            let wait =
                detail.get("retryDelay").and_then(Value::as_str).and_then(|text| text.strip_suffix('s'));
            let seconds = wait.and_then(|text| text.parse().ok());
            refusal.wait = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).or(refusal.wait);
        }
        refusal
    }

    fn add_code(&mut self, code: Option<&Value>) {
        if let Some(code) = code.and_then(Value::as_str) {
            self.codes.push(code.to_lowercase());
        }
    }

    fn has(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    /// The cause, by code where there is one and by status and wording else.
    pub(super) fn cause(&self, status: u16) -> Cause {
        let text = self.message.to_lowercase();
        let client_fault = matches!(status, 400 | 413 | 422);
        let daily = self.codes.iter().any(|code| code.contains("perday"));
        match status {
            _ if self.has(&["content_filter", "content_policy_violation"]) => Cause::Filter,
            400 if text.contains("content management policy") => Cause::Filter,
            401 | 403 => Cause::Key,
            400 if self.has(&["api_key_invalid"]) => Cause::Key,
            402 => Cause::Quota,
            _ if self.has(&["insufficient_quota", "billing_error", "billing_hard_limit_reached"]) => {
                Cause::Quota
            }
            400 if text.contains("credit balance is too low") => Cause::Quota,
            429 if daily => Cause::Quota,
            429 => Cause::Pace,
            _ if self.has(&["context_length_exceeded", "exceed_context_size_error", "request_too_large"]) => {
                Cause::Length
            }
            _ if client_fault && TOO_LONG.iter().any(|phrase| text.contains(phrase)) => Cause::Length,
            300..=399 => Cause::Redirect,
            _ => Cause::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &Value, cause: Cause) {
        assert_eq!(Refusal::read(body.to_string().as_bytes()).cause(status), cause, "{body}");
    }

    #[test]
    fn the_forms_of_the_providers_are_told_apart() {
        let openai = |code: &str, text: &str| json!({"error": {"message": text, "type": "x", "code": code}});
        check(401, &openai("invalid_api_key", "Incorrect API key provided"), Cause::Key);
        check(429, &openai("insufficient_quota", "You exceeded your current quota"), Cause::Quota);
        check(429, &openai("rate_limit_exceeded", "Rate limit reached"), Cause::Pace);
        check(400, &openai("context_length_exceeded", "This model's maximum ..."), Cause::Length);
        check(400, &openai("content_filter", "The response was filtered"), Cause::Filter);
        check(404, &openai("model_not_found", "The model does not exist"), Cause::Other);
        let anthropic =
            |kind: &str, text: &str| json!({"type": "error", "error": {"type": kind, "message": text}});
        check(401, &anthropic("authentication_error", "invalid x-api-key"), Cause::Key);
        check(429, &anthropic("rate_limit_error", "slow down"), Cause::Pace);
        check(529, &anthropic("overloaded_error", "Overloaded"), Cause::Other);
        let broke = "Your credit balance is too low to access the Anthropic API.";
        check(400, &anthropic("invalid_request_error", broke), Cause::Quota);
        let long = "prompt is too long: 211053 tokens > 200000 maximum";
        check(400, &anthropic("invalid_request_error", long), Cause::Length);
        check(413, &anthropic("request_too_large", "Request exceeds the maximum size"), Cause::Length);
        let gemini = |status: &str, text: &str, details: Value| json!({"error": {"code": 400, "status": status, "message": text, "details": details}});
        let invalid = json!([{"reason": "API_KEY_INVALID"}]);
        check(400, &gemini("INVALID_ARGUMENT", "API key not valid.", invalid), Cause::Key);
        let long = "The input token count (9) exceeds the maximum number of tokens allowed (8).";
        check(400, &gemini("INVALID_ARGUMENT", long, json!([])), Cause::Length);
        let daily = json!([{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject-FreeTier"}]}]);
        check(429, &gemini("RESOURCE_EXHAUSTED", "quota", daily), Cause::Quota);
        check(429, &gemini("RESOURCE_EXHAUSTED", "quota", json!([{"retryDelay": "17s"}])), Cause::Pace);
        check(402, &json!({"error": {"code": 402, "message": "Insufficient credits"}}), Cause::Quota);
        let flagged =
            json!({"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}}});
        check(403, &flagged, Cause::Filter);
        let llama = json!({"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds"}});
        check(400, &llama, Cause::Length);
        check(404, &json!({"error": "model 'x' not found"}), Cause::Other);
        check(302, &json!({}), Cause::Redirect);
    }

    #[test]
    fn text_and_advice_are_found_in_every_form() {
        let text = |body: &str| Refusal::read(body.as_bytes()).message;
        assert_eq!(text(r#"{"error":{"message":"a"}}"#), "a");
        assert_eq!(text(r#"[{"error":{"message":"a"}}]"#), "a");
        assert_eq!(text(r#"{"error":"a"}"#), "a");
        assert_eq!(text(r#"{"message":"a"}"#), "a");
        assert_eq!(text("plain"), "plain");
        let wait = Refusal::read(br#"{"error":{"details":[{"retryDelay":"1.5s"},{}]}}"#).wait;
        assert_eq!(wait, Some(Duration::from_millis(1500)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..200), status in 300_u16..600) {
            Refusal::read(&body).cause(status);
        }
    }
}
