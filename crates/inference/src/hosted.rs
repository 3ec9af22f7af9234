use std::fmt;
use std::time::Duration;

use meta_traits::{BoxFuture, Cost};
use reqwest::{Client, Response, Url};
use tokio::time::timeout;

use crate::http::{self, Redirects};
use crate::{Generate, Generated, InferenceError, LlmClient, Usage};

mod fault;
mod key;
mod options;
mod wire;

pub use key::{Headers, Key};
pub use options::{HostedOptions, LimitField};

/// Bytes of an answer that are read; a longer one is refused.
const BODY_LIMIT: usize = 8 << 20;
/// Bytes of a refusal that are read; the rest is left.
const REFUSAL_LIMIT: usize = 64 << 10;

/// A model behind an OpenAI-compatible chat-completions endpoint.
///
/// Requests go to `BASE_URL/chat/completions`; a [`crate::Prompt::Text`] is sent as one user message. Usage is what
/// the answer reports; an answer without `usage` is charged as its cap, so that a budget is never overrun unseen.
/// A call is one try: put [`crate::Resilient`] around it to have failures tried again and limits kept.
///
/// # Safety of the key
/// The key is in no error, log, `Debug` text or address. Redirects are refused, so that it reaches no other host.
///
/// # Errors of calls
/// `Auth` (401, 403), `RateLimited` (429), `Status` (others), `Unreachable`, `Timeout`, `Protocol` (an answer that
/// cannot be understood or exceeds 8 MiB), `Invalid` (the request itself).
///
/// # Determinism
/// None is promised. The seed is handed on (its low 31 bits), which many endpoints treat as best effort.
///
/// ```
/// use inference::{HostedClient, HostedOptions, LlmClient};
/// let client = HostedClient::new("http://127.0.0.1:8080/v1", "smollm2", None, HostedOptions::default())?;
/// assert_eq!(client.identity(), "127.0.0.1:8080/v1/chat/completions#smollm2");
/// # Ok::<(), inference::InferenceError>(())
/// ```
pub struct HostedClient {
    http: Client,
    url: Url,
    endpoint: String,
    identity: String,
    model: String,
    key: Option<Key>,
    options: HostedOptions,
}

impl HostedClient {
    /// A client of `model` at `base_url` (http or https), with `key` as bearer token if there is one.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for an address with a user, password, query or fragment, or of another scheme.
    pub fn new(
        base_url: &str,
        model: &str,
        key: Option<Key>,
        options: HostedOptions,
    ) -> Result<Self, InferenceError> {
        let mut url = http::parse(base_url)?;
        let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let endpoint = http::shown(&url);
        Ok(Self {
            http: http::client(&url, Redirects::Refused)?,
            identity: format!("{endpoint}#{model}"),
            model: model.to_owned(),
            url,
            endpoint,
            key,
            options,
        })
    }

    /// Host and path that requests go to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn attempt(&self, request: &Generate, body: Vec<u8>) -> Result<Generated, InferenceError> {
        let limit = self.options.timeout;
        match timeout(limit, self.exchange(request, body)).await {
            Ok(result) => result,
            Err(_) => Err(self.timed_out(limit)),
        }
    }

    async fn exchange(&self, request: &Generate, body: Vec<u8>) -> Result<Generated, InferenceError> {
        let mut post = self.http.post(self.url.clone()).header("content-type", "application/json").body(body);
        if let Some(key) = &self.key {
            post = post.header("authorization", key.bearer());
        }
        for (name, value) in self.options.headers.iter() {
            post = post.header(name.clone(), value.clone());
        }
        let mut response = post.send().await.map_err(|error| self.broken(&error))?;
        if !response.status().is_success() {
            let wait = fault::advised(response.headers());
            let status = response.status().as_u16();
            let (start, _) = self.read(&mut response, REFUSAL_LIMIT).await?;
            return Err(self.refused(status, &start, wait));
        }
        let (bytes, whole) = self.read(&mut response, BODY_LIMIT).await?;
        if !whole {
            return Err(self.misunderstood(&format!("it is longer than {BODY_LIMIT} bytes")));
        }
        let answer = wire::read(&bytes).map_err(|message| self.misunderstood(&message))?;
        Ok(answer.charged(&self.options.price, &self.cap(request)))
    }

    /// The body up to `limit` bytes, and whether that is all of it.
    async fn read(&self, response: &mut Response, limit: usize) -> Result<(Vec<u8>, bool), InferenceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            let room = limit - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok((bytes, false));
            }
        }
        Ok((bytes, true))
    }
}

/// Without the HTTP client, whose proxy settings may hold a password.
impl fmt::Debug for HostedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("HostedClient");
        text.field("endpoint", &self.endpoint).field("model", &self.model).field("key", &self.key);
        text.field("options", &self.options).finish_non_exhaustive()
    }
}

impl LlmClient for HostedClient {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            request.only_text(&self.model)?;
            let body = wire::write(request, &self.model, self.options.limit_field)
                .map_err(|message| InferenceError::Invalid { model: self.model.clone(), message })?;
            self.attempt(request, body).await
        })
    }

    /// Bytes of the prompt plus 16 tokens a message (no tokenizer makes more tokens than bytes) and the token limit.
    fn cap(&self, request: &Generate) -> Cost {
        let (tokens_in, tokens_out) = (wire::most_tokens(&request.prompt), u64::from(request.max_tokens));
        let nano_usd = self.options.price.of(&Usage::new(tokens_in, tokens_out));
        Cost::tokens(1, tokens_in, tokens_out).with_nano_usd(nano_usd)
    }

    fn concurrency(&self) -> usize {
        self.options.concurrency.max(1)
    }
}
