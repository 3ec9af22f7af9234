use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::refusal::{Cause, Refusal};
use super::{HostedOptions, Key};
use crate::http::{self, Refused};
use crate::{InferenceError, Usage};

/// Characters of a refusal's text that are kept.
const SHOWN: usize = 200;

/// Who is talked to, and what must never be said about it: turns failures into errors without secrets.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Host and path.
    pub(super) endpoint: String,
    pub(super) model: String,
    pub(super) key: Option<Key>,
    pub(super) options: HostedOptions,
}

/// The advice of a `Retry-After` header in seconds; the form with a date is not followed.
pub(super) fn advised(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

impl Peer {
    /// One line of at most 200 characters without the key, the values of extra headers or a proxy's password.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = self.options.headers.redact(text);
        if let Some(key) = &self.key {
            text = key.redact(&text);
        }
        if let Some(proxy) = &self.options.proxy {
            text = proxy.redact(&text);
        }
        let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        line.collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
    }

    /// The error of an answer with a status that says no.
    pub(super) fn refused(&self, status: u16, body: &[u8], wait: Option<Duration>) -> InferenceError {
        let endpoint = self.endpoint.clone();
        let refusal = Refusal::read(body);
        let mut message = self.clean(&refusal.message);
        match refusal.cause(status) {
            Cause::Key => {
                let key_from = self.key.as_ref().map_or("no variable (none was sent)", |key| key.from());
                InferenceError::Auth { status, endpoint, key_from: key_from.to_owned() }
            }
            Cause::Quota => InferenceError::Quota { status, endpoint, message },
            Cause::Pace => InferenceError::RateLimited { endpoint, wait: wait.or(refusal.wait) },
            Cause::Filter => InferenceError::Filtered { endpoint, message, usage: Usage::default() },
            Cause::Length => InferenceError::ContextExceeded { status, endpoint, message },
            Cause::Redirect => {
                let message = "it redirects elsewhere, which is not followed so that the key goes to no other \
                               host; set the base URL to the final address";
                InferenceError::Status { status, endpoint, message: message.to_owned(), wait }
            }
            Cause::Other => {
                if message.is_empty() {
                    "it gives no reason; check the base URL and the model's name".clone_into(&mut message);
                }
                InferenceError::Status { status, endpoint, message, wait: wait.or(refusal.wait) }
            }
        }
    }

    /// The error of a request that got no whole answer.
    pub(super) fn broken(&self, error: &reqwest::Error) -> InferenceError {
        if error.is_timeout() && !error.is_connect() {
            return self.timed_out();
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(Refused(message)) = cause.downcast_ref() {
                return InferenceError::Endpoint { message: message.clone() };
            }
            source = cause.source();
        }
        self.unreachable(&http::reason(error))
    }

    pub(super) fn unreachable(&self, reason: &str) -> InferenceError {
        InferenceError::Unreachable { endpoint: self.endpoint.clone(), message: self.clean(reason) }
    }

    pub(super) fn timed_out(&self) -> InferenceError {
        InferenceError::Timeout { endpoint: self.endpoint.clone(), after: self.options.timeout }
    }

    pub(super) fn misunderstood(&self, message: &str) -> InferenceError {
        InferenceError::Protocol { endpoint: self.endpoint.clone(), message: self.clean(message) }
    }

    pub(super) fn filtered(&self, message: &str, usage: Usage) -> InferenceError {
        InferenceError::Filtered { endpoint: self.endpoint.clone(), message: self.clean(message), usage }
    }

    pub(super) fn invalid(&self, message: String) -> InferenceError {
        InferenceError::Invalid { model: self.model.clone(), message }
    }

    pub(super) fn unsupported(&self, what: &'static str) -> InferenceError {
        InferenceError::Unsupported { what, model: self.model.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostedOptions;

    #[test]
    fn the_key_is_removed_before_the_text_is_cut() {
        let peer = Peer {
            endpoint: "host/v1/chat/completions".to_owned(),
            model: "m".to_owned(),
            key: Some(Key::new("sk-canary-0123456789", "THE_KEY").unwrap()),
            options: HostedOptions::default(),
        };
        let body = format!("{}sk-canary-0123456789 tail", "x".repeat(SHOWN - 5));
        let error = peer.refused(500, body.as_bytes(), None).to_string();
        assert!(!error.contains("sk-"), "{error}");
        let error = peer.refused(400, b"{\"error\":{\"message\":\"no\\nsuch  model\"}}", None).to_string();
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
