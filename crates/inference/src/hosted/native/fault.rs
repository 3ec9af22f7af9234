//! The errors of `genai` in our own terms.

use genai::{Error, webc};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::super::answer::hidden_error;
use super::super::peer::{Peer, advised};
use crate::{InferenceError, Usage};

/// The error that `error` stands for, without any secret.
pub(super) fn of(peer: &Peer, error: &Error) -> InferenceError {
    match error {
        Error::WebModelCall { webc_error, .. } | Error::WebAdapterCall { webc_error, .. } => {
            of_web(peer, webc_error)
        }
        Error::HttpError { status, body, headers, .. } => refused(peer, status.as_u16(), body, headers),
        Error::WebStream { cause, error, .. } => {
            if let Some(inner) = error.downcast_ref::<Error>() {
                return of(peer, inner);
            }
            match error.downcast_ref::<reqwest::Error>() {
                Some(inner) => peer.broken(inner),
                None => peer.unreachable(cause),
            }
        }
        Error::ChatResponseGeneration { response_body, cause, .. } => {
            of_body(peer, response_body).unwrap_or_else(|| peer.misunderstood(cause))
        }
        Error::ChatResponse { body, .. } => {
            of_body(peer, body).unwrap_or_else(|| peer.misunderstood(&body.to_string()))
        }
        Error::RequiresApiKey { .. }
        | Error::NoAuthData { .. }
        | Error::NoAuthResolver { .. }
        | Error::Resolver { .. } => InferenceError::NoKey {
            endpoint: peer.endpoint.clone(),
            key_from: "that `key_env` names".to_owned(),
        },
        Error::AdapterNotSupported { .. } => peer.unsupported("such a call by this protocol"),
        Error::NoChatResponse { .. }
        | Error::InvalidJsonResponseElement { .. }
        | Error::StreamParse { .. }
        | Error::JsonValueExt(_)
        | Error::SerdeJson(_) => peer.misunderstood(&error.to_string()),
        _ => peer.invalid(peer.clean(&error.to_string())),
    }
}

fn of_web(peer: &Peer, error: &webc::Error) -> InferenceError {
    match error {
        webc::Error::ResponseFailedStatus { status, body, headers } => {
            refused(peer, status.as_u16(), body, headers)
        }
        webc::Error::ResponseFailedNotJson { content_type, .. } => {
            peer.misunderstood(&format!("its content type is '{content_type}' and not JSON"))
        }
        webc::Error::ResponseFailedInvalidJson { cause, .. } => peer.misunderstood(cause),
        webc::Error::JsonValueExt(inner) => peer.misunderstood(&inner.to_string()),
        webc::Error::Reqwest(inner) => peer.broken(inner),
    }
}

fn refused(peer: &Peer, status: u16, body: &str, headers: &HeaderMap) -> InferenceError {
    peer.refused(status, body.as_bytes(), advised(headers))
}

/// What the body of an answer with a status of success says no with.
fn of_body(peer: &Peer, body: &Value) -> Option<InferenceError> {
    // Gemini gives no candidate where its filter stops a prompt; in a stream, only that is left of it.
    let blocked = body.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
    let no_candidate = body.get("finishReason").is_some() && body.get("candidates").is_none();
    if blocked.is_some() || no_candidate {
        let read = body.pointer("/usageMetadata/promptTokenCount").and_then(Value::as_u64).unwrap_or(0);
        let nano_usd = peer.options.price.of(read, 0);
        let why = blocked.unwrap_or("no reason given");
        let usage = Usage { nano_usd, ..Usage::new(read, 0) };
        return Some(peer.filtered(&format!("its filter stopped the prompt ({why})"), usage));
    }
    let bytes = body.to_string();
    // Within a stream, the error may stand alone.
    let status = hidden_error(bytes.as_bytes())
        .or_else(|| hidden_error(serde_json::json!({"error": body}).to_string().as_bytes()))?;
    Some(peer.refused(status, bytes.as_bytes(), None))
}
