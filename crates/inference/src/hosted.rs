use std::fmt;
use std::future::Future;
use std::time::Duration;

use meta_traits::{BoxFuture, Cost, Stream};
use reqwest::{Client, ClientBuilder, Response, Url};
use tokio::time::timeout;

use crate::http::{self, Hosts, Redirects};
use crate::{
    Embed, Embedded, Generate, Generated, InferenceError, LlmClient, OnText, RetryPolicy, Score, Scored,
};

mod answer;
mod embed;
mod events;
mod key;
#[cfg(feature = "genai")]
mod native;
mod options;
mod peer;
mod proxy;
mod refusal;
mod score;
mod steps;
mod wire;

use answer::Answer;
use events::Events;
pub use key::{Headers, Key};
#[cfg(feature = "genai")]
pub use native::GenaiClient;
pub use options::{HostedOptions, LimitField, Price, Scoring};
use peer::Peer;
pub use proxy::Proxy;

/// Bytes of an answer that are read; a longer one is refused.
const BODY_LIMIT: usize = 8 << 20;
/// Bytes of a refusal that are read; the rest is left.
const REFUSAL_LIMIT: usize = 64 << 10;

/// A model behind an OpenAI-compatible endpoint.
///
/// Text is asked for at `BASE_URL/chat/completions`, vectors at `BASE_URL/embeddings`, scores as
/// [`HostedOptions::scoring`] says; a [`crate::Prompt::Text`] is sent as one user message. Usage is what the answer
/// reports; an answer without `usage` is charged as its cap, so that a budget is never overrun unseen.
///
/// Transient failures of [`LlmClient::generate`] are tried again as [`RetryPolicy`] says; the other verbs are tried
/// once. Of the tries, the answered one is charged. What an endpoint bills for a try that timed out or broke off
/// cannot be known here and is not counted.
///
/// # Safety of the key
/// The key is in no error, log, `Debug` text or address. Redirects are refused, so that it reaches no other host, and
/// hosts that are not public are asked only if [`HostedOptions::allow_private`] says so.
///
/// # Errors of calls
/// `Auth` (401, 403), `Quota`, `Filtered`, `ContextExceeded`, `RateLimited` (429), `Status` (others), `Unreachable`,
/// `Timeout`, `Protocol` (an answer that cannot be understood or exceeds 8 MiB), `Endpoint` (the host may not be
/// asked), `Invalid` and `Unsupported` (the request itself).
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
    identity: String,
    peer: Peer,
}

impl HostedClient {
    /// A client of `model` at `base_url` (http or https), with `key` as bearer token if there is one.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for an address with a user, password, query or fragment, of another scheme, or of
    /// a host that is not allowed.
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
            http: connection(&url, &options, |builder| builder)?,
            identity: format!("{endpoint}#{model}"),
            url,
            peer: Peer { endpoint, model: model.to_owned(), key, options },
        })
    }

    /// Host and path that requests go to.
    pub fn endpoint(&self) -> &str {
        &self.peer.endpoint
    }

    /// The address of another route of the same interface.
    fn beside(&self, route: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches("chat/completions").to_owned();
        url.set_path(&format!("{base}{route}"));
        url
    }

    /// The address of a route of the server itself, before `/v1`.
    fn at_root(&self, route: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches("/chat/completions").trim_end_matches("/v1").to_owned();
        url.set_path(&format!("{base}/{route}"));
        url
    }

    /// One try of an exchange within its time.
    async fn timed<T>(
        &self,
        exchange: impl Future<Output = Result<T, InferenceError>>,
    ) -> Result<T, InferenceError> {
        match timeout(self.peer.options.timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(self.peer.timed_out()),
        }
    }

    /// Sends a request: the answer's head, if it says yes.
    async fn send(&self, url: Url, body: Vec<u8>) -> Result<Response, InferenceError> {
        let mut post = self.http.post(url).header("content-type", "application/json").body(body);
        if let Some(bearer) = self.peer.key.as_ref().and_then(Key::bearer) {
            post = post.header("authorization", bearer);
        }
        for (name, value) in self.peer.options.headers.iter() {
            post = post.header(name.clone(), value.clone());
        }
        let mut response = post.send().await.map_err(|error| self.peer.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let wait = peer::advised(response.headers());
        let status = response.status().as_u16();
        let (start, _) = self.read(&mut response, REFUSAL_LIMIT).await?;
        Err(self.peer.refused(status, &start, wait))
    }

    /// Sends a request and reads the whole answer, within the time of one try.
    async fn ask(&self, url: Url, body: Vec<u8>) -> Result<Vec<u8>, InferenceError> {
        self.timed(async move {
            let mut response = self.send(url, body).await?;
            self.whole(&mut response).await
        })
        .await
    }

    async fn whole(&self, response: &mut Response) -> Result<Vec<u8>, InferenceError> {
        let (bytes, whole) = self.read(response, BODY_LIMIT).await?;
        if !whole {
            return Err(self.too_long());
        }
        match answer::hidden_error(&bytes) {
            Some(status) => Err(self.peer.refused(status, &bytes, None)),
            None => Ok(bytes),
        }
    }

    fn too_long(&self) -> InferenceError {
        self.peer.misunderstood(&format!("it is longer than {BODY_LIMIT} bytes"))
    }

    /// The body up to `limit` bytes, and whether that is all of it.
    async fn read(&self, response: &mut Response, limit: usize) -> Result<(Vec<u8>, bool), InferenceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.peer.broken(&error))? {
            let room = limit - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok((bytes, false));
            }
        }
        Ok((bytes, true))
    }

    async fn exchange(&self, request: &Generate, body: &[u8]) -> Result<Generated, InferenceError> {
        let bytes = self.ask(self.url.clone(), body.to_vec()).await?;
        let answer = Answer::read(&bytes).map_err(|message| self.peer.misunderstood(&message))?;
        self.finished(request, answer)
    }

    async fn exchange_stream(
        &self,
        request: &Generate,
        body: Vec<u8>,
        on_text: OnText<'_>,
    ) -> Result<Generated, InferenceError> {
        let mut response = self.send(self.url.clone(), body).await?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            let bytes = self.whole(&mut response).await?;
            let answer = Answer::read(&bytes).map_err(|message| self.peer.misunderstood(&message))?;
            on_text(&answer.text);
            return self.finished(request, answer);
        }
        let (mut events, mut answer, mut read) = (Events::default(), Answer::default(), 0);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.peer.broken(&error))? {
            read += chunk.len();
            if read > BODY_LIMIT {
                return Err(self.too_long());
            }
            for event in events.push(&chunk) {
                if event == "[DONE]" {
                    return self.finished(request, answer);
                }
                self.take(&mut answer, &event, on_text)?;
            }
        }
        if let Some(event) = events.end().filter(|event| event != "[DONE]") {
            self.take(&mut answer, &event, on_text)?;
        }
        if answer.is_ended() {
            return self.finished(request, answer);
        }
        Err(self.peer.unreachable("the stream ended before the answer did"))
    }

    fn take(&self, answer: &mut Answer, event: &str, on_text: OnText<'_>) -> Result<(), InferenceError> {
        if let Some(status) = answer::hidden_error(event.as_bytes()) {
            return Err(self.peer.refused(status, event.as_bytes(), None));
        }
        let piece = answer.take(event).map_err(|message| self.peer.misunderstood(&message))?;
        if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
            on_text(&piece);
        }
        Ok(())
    }

    fn finished(&self, request: &Generate, answer: Answer) -> Result<Generated, InferenceError> {
        let withheld = answer.withheld.clone();
        let answer = answer.charged(&self.peer.options.price, &self.cap(request));
        match withheld {
            Some(why) => Err(self.peer.filtered(&why, answer.usage)),
            None if request.log_probs.is_some() && answer.log_probs.is_empty() && !answer.text.is_empty() => {
                Err(self.peer.unsupported("log-probabilities of written tokens (`log_probs`)"))
            }
            None => Ok(answer),
        }
    }
}

/// A connection for requests that carry a key.
fn connection(
    url: &Url,
    options: &HostedOptions,
    more: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, InferenceError> {
    let hosts = if options.allow_private { Hosts::Any } else { Hosts::Public };
    let proxy = options.proxy.as_ref().map(Proxy::resolved).transpose()?;
    http::client(url, Redirects::Refused, hosts, |builder| match proxy {
        Some(proxy) => more(builder).proxy(proxy),
        None => more(builder),
    })
}

/// Without the HTTP client, whose proxy settings may hold a password.
impl fmt::Debug for HostedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peer { endpoint, model, key, options } = &self.peer;
        let mut text = f.debug_struct("HostedClient");
        text.field("endpoint", endpoint).field("model", model).field("key", key);
        text.field("options", options).finish_non_exhaustive()
    }
}

impl LlmClient for HostedClient {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let options = &self.peer.options;
            let body = wire::write(request, &self.peer.model, options.limit_field, false)
                .map_err(|message| self.peer.invalid(message))?;
            let name = blake3::hash(&body).to_hex();
            let jitter = Stream::root(options.jitter).child(&name, 0);
            options.retry.run(&jitter, &self.peer.endpoint, || self.exchange(request, &body)).await
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let body = wire::write(request, &self.peer.model, self.peer.options.limit_field, true)
                .map_err(|message| self.peer.invalid(message))?;
            self.timed(self.exchange_stream(request, body, on_text)).await
        })
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(self.score_as_set(request))
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(self.embed_as_asked(request))
    }

    /// Bytes of the prompt plus 16 tokens a message (no tokenizer makes more tokens than bytes) and the token limit.
    fn cap(&self, request: &Generate) -> Cost {
        let (tokens_in, tokens_out) = (wire::most_tokens(&request.prompt), u64::from(request.max_tokens));
        Cost::tokens(1, tokens_in, tokens_out)
            .with_nano_usd(self.peer.options.price.of(tokens_in, tokens_out))
    }

    fn concurrency(&self) -> usize {
        self.peer.options.concurrency.max(1)
    }
}
