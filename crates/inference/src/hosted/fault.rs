use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::HostedClient;
use crate::{InferenceError, http};

/// Characters of a refusal's text that are kept.
const SHOWN: usize = 200;

/// The advice of a `Retry-After` header in seconds; the form with a date is not followed.
pub(super) fn advised(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

impl HostedClient {
    /// One line of at most 200 characters without the key or the values of extra headers.
    fn clean(&self, text: &str) -> String {
        let text = self.options.headers.redact(text);
        let text = self.key.as_ref().map_or_else(|| text.clone(), |key| key.redact(&text));
        let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        line.collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
    }

    pub(super) fn refused(&self, status: u16, body: &[u8], wait: Option<Duration>) -> InferenceError {
        let endpoint = self.endpoint.clone();
        match status {
            401 | 403 => {
                let key_from = self.key.as_ref().map_or("no variable (none was sent)", |key| key.from());
                InferenceError::Auth { status, endpoint, key_from: key_from.to_owned() }
            }
            429 => InferenceError::RateLimited { endpoint, wait },
            300..=399 => {
                let message = "it redirects elsewhere, which is not followed so that the key goes to no other \
                               host; set the base URL to the final address";
                InferenceError::Status { status, endpoint, message: message.to_owned(), wait }
            }
            _ => {
                let text = String::from_utf8_lossy(body);
                let mut message = self.clean(&stated(&text));
                if message.is_empty() {
                    "it gives no reason; check the base URL and the model's name".clone_into(&mut message);
                }
                InferenceError::Status { status, endpoint, message, wait }
            }
        }
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> InferenceError {
        if error.is_timeout() && !error.is_connect() {
            return self.timed_out(self.options.timeout);
        }
        InferenceError::Unreachable {
            endpoint: self.endpoint.clone(),
            message: self.clean(&http::reason(error)),
        }
    }

    pub(super) fn timed_out(&self, after: Duration) -> InferenceError {
        InferenceError::Timeout { endpoint: self.endpoint.clone(), after }
    }

    pub(super) fn misunderstood(&self, message: &str) -> InferenceError {
        InferenceError::Protocol { endpoint: self.endpoint.clone(), message: self.clean(message) }
    }
}

/// The `error.message` of a refusal in the usual form, else the whole body.
fn stated(body: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let said = json.as_ref().and_then(|json| json.pointer("/error/message")?.as_str());
    said.unwrap_or(body).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HostedOptions, Key};

    #[test]
    fn the_key_is_removed_before_the_text_is_cut() {
        let key = Key::new("sk-canary-0123456789", "THE_KEY").unwrap();
        let client = HostedClient::new("http://host/v1", "m", Some(key), HostedOptions::default()).unwrap();
        let body = format!("{}sk-canary-0123456789 tail", "x".repeat(SHOWN - 5));
        let error = client.refused(500, body.as_bytes(), None).to_string();
        assert!(!error.contains("sk-"), "{error}");
        let error = client.refused(400, b"{\"error\":{\"message\":\"no\\nsuch  model\"}}", None).to_string();
        assert_eq!(error, "400 from host/v1/chat/completions: no such model");
    }

    #[test]
    fn advice_is_read_in_seconds_only() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            advised(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of(" 0.5 "), Some(Duration::from_millis(500)));
        for other in ["-1", "NaN", "inf", "1e400", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
