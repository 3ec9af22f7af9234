use std::fmt;

use futures_util::{FutureExt as _, StreamExt as _};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, JsonSpec, StopReason};
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use meta_traits::{BoxFuture, Cost};
use reqwest::header::HeaderMap;
use tokio::time::timeout;

use super::embed::{most_tokens, units};
use super::peer::Peer;
use super::{BODY_LIMIT, HostedOptions, Key, connection, wire};
use crate::{
    Embed, Embedded, Generate, Generated, InferenceError, LlmClient, OnText, Prompt, Role, StopCause, http,
};

mod fault;
mod usage;

/// A model behind a provider's own protocol: Anthropic, Gemini, Cohere and whatever else the crate `genai` speaks.
///
/// Every verb is tried once; errors carry the provider's advice on waiting. Usage is what the provider reports, cached
/// tokens and thinking included; an answer without it is charged as its cap. Log-probabilities and the scoring of
/// given texts are not offered. A `schema` is handed on where the protocol has a place for it, and refused else.
/// Answers are read whole, however long; only the time of a call is limited.
///
/// The key is treated as in [`crate::HostedClient`]: it is sent in a header, also to Gemini, and shown nowhere.
///
/// # Model names
/// A last part `-low`, `-high`, `-none` and the like is taken off the name as the wanted effort of thinking, and a
/// part before `::` as the name of a protocol: both are customs of `genai`.
///
/// # Errors of calls
/// As of [`crate::HostedClient`].
///
/// ```
/// use inference::{GenaiClient, HostedOptions, Key, LlmClient};
/// let key = Key::new("sk-secret", "ANTHROPIC_API_KEY")?;
/// let client = GenaiClient::new("anthropic", None, "claude-x", Some(key), HostedOptions::default())?;
/// assert_eq!(client.identity(), "api.anthropic.com/v1#claude-x");
/// # Ok::<(), inference::InferenceError>(())
/// ```
pub struct GenaiClient {
    client: genai::Client,
    kind: AdapterKind,
    base: String,
    identity: String,
    peer: Peer,
}

impl GenaiClient {
    /// A client of `model` by `protocol`, one of [`GenaiClient::protocols`], at `base_url` or the provider's own
    /// address.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for an unknown protocol or an address as [`crate::HostedClient::new`] refuses it.
    pub fn new(
        protocol: &str,
        base_url: Option<&str>,
        model: &str,
        key: Option<Key>,
        options: HostedOptions,
    ) -> Result<Self, InferenceError> {
        let kind = AdapterKind::from_lower_str(protocol).ok_or_else(|| InferenceError::Endpoint {
            message: format!("no protocol is named {protocol:?}; there are {}", Self::protocols().join(", ")),
        })?;
        let name = ModelIden::new(kind, model);
        let base = match base_url {
            Some(url) => url.to_owned(),
            None => own_address(name).ok_or_else(|| InferenceError::Endpoint {
                message: format!("{protocol} has no address of its own; set `base_url`"),
            })?,
        };
        let url = http::parse(&base)?;
        let endpoint = http::shown(&url).trim_end_matches('/').to_owned();
        let headers: HeaderMap = options.headers.iter().cloned().collect();
        let connection = connection(&url, &options, |builder| builder.no_gzip().default_headers(headers))?;
        let client = genai::Client::builder().with_reqwest(connection).build().map_err(|_| {
            InferenceError::Endpoint { message: format!("no client can be made for {endpoint}") }
        })?;
        Ok(Self {
            client,
            kind,
            base: format!("{}/", url.as_str().trim_end_matches('/')),
            identity: format!("{endpoint}#{model}"),
            peer: Peer { endpoint, model: model.to_owned(), key, options },
        })
    }

    /// The protocols that are known.
    pub fn protocols() -> Vec<&'static str> {
        AdapterKind::all().iter().map(AdapterKind::as_lower_str).collect()
    }

    /// The variable that a protocol's key is usually kept in.
    pub(crate) fn usual_key(protocol: &str) -> Option<&'static str> {
        AdapterKind::from_lower_str(protocol)?.default_key_env_name()
    }

    fn target(&self) -> ServiceTarget {
        ServiceTarget {
            endpoint: Endpoint::from_owned(self.base.as_str()),
            auth: match &self.peer.key {
                Some(key) => AuthData::from_single(key.expose()),
                None => AuthData::None,
            },
            model: ModelIden::new(self.kind, self.peer.model.as_str()),
        }
    }

    /// What is refused before anything is sent.
    fn check(&self, request: &Generate) -> Result<(), InferenceError> {
        wire::check(request).map_err(|message| self.peer.invalid(message))?;
        if request.log_probs.is_some() {
            return Err(self.peer.unsupported("log-probabilities of written tokens (`log_probs`)"));
        }
        let deaf = matches!(
            self.kind,
            AdapterKind::Ollama | AdapterKind::OllamaCloud | AdapterKind::Cohere | AdapterKind::BedrockApi
        );
        if request.schema.is_some() && deaf {
            return Err(self.peer.unsupported("structured output (`schema`)"));
        }
        Ok(())
    }

    async fn exchange(&self, request: &Generate) -> Result<Generated, InferenceError> {
        self.check(request)?;
        let options = options(request);
        let call = self.client.exec_chat(self.target(), chat(&request.prompt), Some(&options));
        let Ok(result) = timeout(self.peer.options.timeout, call).await else {
            return Err(self.peer.timed_out());
        };
        let answer = result.map_err(|error| fault::of(&self.peer, &error))?;
        let text = answer.content.texts().concat();
        self.finished(request, text, answer.stop_reason.as_ref(), Some(&answer.usage))
    }

    async fn exchange_stream(
        &self,
        request: &Generate,
        on_text: OnText<'_>,
    ) -> Result<Generated, InferenceError> {
        self.check(request)?;
        let options = options(request);
        let fault = |error: genai::Error| fault::of(&self.peer, &error);
        let opened = self.client.exec_chat_stream(self.target(), chat(&request.prompt), Some(&options));
        let mut events = opened.await.map_err(fault)?.stream;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            match event.map_err(fault)? {
                ChatStreamEvent::Chunk(piece) if text.len() + piece.content.len() > BODY_LIMIT => {
                    return Err(self.peer.misunderstood(&format!("it is longer than {BODY_LIMIT} bytes")));
                }
                ChatStreamEvent::Chunk(piece) if !piece.content.is_empty() => {
                    on_text(&piece.content);
                    text.push_str(&piece.content);
                }
                ChatStreamEvent::End(end) if end.captured_stop_reason.is_some() => {
                    let reason = end.captured_stop_reason.as_ref();
                    return self.finished(request, text, reason, end.captured_usage.as_ref());
                }
                _ => {}
            }
        }
        Err(self.peer.unreachable("the stream ended before the answer did"))
    }

    fn finished(
        &self,
        request: &Generate,
        text: String,
        reason: Option<&StopReason>,
        counted: Option<&genai::chat::Usage>,
    ) -> Result<Generated, InferenceError> {
        let cap = self.cap(request);
        let usage = usage::of(counted, &self.peer.options.price, &cap)
            .ok_or_else(|| self.peer.misunderstood("its usage is negative"))?;
        match reason {
            Some(StopReason::ContentFilter(why)) => {
                Err(self.peer.filtered(&format!("it stopped for {why}"), usage))
            }
            Some(StopReason::MaxTokens(_)) => Ok(Generated::new(text, StopCause::Length, usage)),
            _ => Ok(Generated::new(text, StopCause::Stop, usage)),
        }
    }

    async fn exchange_embed(&self, request: &Embed) -> Result<Embedded, InferenceError> {
        if request.texts.is_empty() {
            return Ok(Embedded::new(Vec::new(), crate::Usage::default()));
        }
        let call = self.client.embed_batch(self.target(), request.texts.clone(), None);
        let Ok(result) = timeout(self.peer.options.timeout, call).await else {
            return Err(self.peer.timed_out());
        };
        let answer = result.map_err(|error| fault::of(&self.peer, &error))?;
        let most = most_tokens(&request.texts);
        let price = &self.peer.options.price;
        let cap = Cost::tokens(1, most, 0).with_nano_usd(price.of(most, 0));
        let usage = usage::of(Some(&answer.usage), price, &cap)
            .ok_or_else(|| self.peer.misunderstood("its usage is negative"))?;
        units(answer.into_vectors(), request.texts.len(), &self.peer)
            .map(|vectors| Embedded::new(vectors, usage))
    }
}

/// The provider's own address, which `genai` gives without asking anybody.
fn own_address(name: ModelIden) -> Option<String> {
    let idle = connection(&http::parse("http://localhost").ok()?, &HostedOptions::default(), |b| b).ok()?;
    let client = genai::Client::builder().with_reqwest(idle).build().ok()?;
    let target = client.resolve_service_target(name).now_or_never()?.ok()?;
    Some(target.endpoint.base_url().to_owned())
}

fn chat(prompt: &Prompt) -> ChatRequest {
    match prompt {
        Prompt::Text(text) => ChatRequest::from_user(text.as_str()),
        Prompt::Chat(messages) => ChatRequest::from_messages(
            messages
                .iter()
                .map(|message| match message.role {
                    Role::System => ChatMessage::system(message.content.as_str()),
                    Role::User => ChatMessage::user(message.content.as_str()),
                    Role::Assistant => ChatMessage::assistant(message.content.as_str()),
                })
                .collect(),
        ),
    }
}

fn options(request: &Generate) -> ChatOptions {
    // By way of text: 0.7 as single precision would be written as 0.699999988.
    let plain = |x: f32| x.to_string().parse().unwrap_or_else(|_| f64::from(x));
    let mut options = ChatOptions::default()
        .with_temperature(plain(request.temperature))
        .with_max_tokens(request.max_tokens)
        .with_stop_sequences(request.stop.clone())
        .with_capture_usage(true)
        .with_capture_raw_body(true);
    options.top_p = (request.top_p < 1.0).then(|| plain(request.top_p));
    options.seed = (!request.is_greedy()).then_some(request.seed & 0x7fff_ffff);
    options.response_format = request
        .schema
        .as_ref()
        .map(|schema| JsonSpec::new(schema.name.as_str(), schema.schema.clone()).into());
    options
}

/// Without the HTTP client, whose proxy settings may hold a password.
impl fmt::Debug for GenaiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peer { endpoint, model, key, options } = &self.peer;
        let mut text = f.debug_struct("GenaiClient");
        text.field("protocol", &self.kind.as_lower_str()).field("endpoint", endpoint).field("model", model);
        text.field("key", key).field("options", options).finish_non_exhaustive()
    }
}

impl LlmClient for GenaiClient {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(self.exchange(request))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            match timeout(self.peer.options.timeout, self.exchange_stream(request, on_text)).await {
                Ok(result) => result,
                Err(_) => Err(self.peer.timed_out()),
            }
        })
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(self.exchange_embed(request))
    }

    /// As of [`crate::HostedClient`].
    fn cap(&self, request: &Generate) -> Cost {
        let (tokens_in, tokens_out) = (wire::most_tokens(&request.prompt), u64::from(request.max_tokens));
        Cost::tokens(1, tokens_in, tokens_out)
            .with_nano_usd(self.peer.options.price.of(tokens_in, tokens_out))
    }

    fn concurrency(&self) -> usize {
        self.peer.options.concurrency.max(1)
    }
}
