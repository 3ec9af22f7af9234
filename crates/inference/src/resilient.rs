use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meta_traits::{BoxFuture, Classify, Cost, ErrorKind, Stream};
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{
    BreakerPolicy, Embed, Embedded, Generate, Generated, InferenceError, LlmClient, OnText, Prompt, Rate,
    RetryBudget, RetryPolicy, RetryShare, Score, Scored, Usage,
};

mod gate;

use gate::Gate;

/// How a [`Resilient`] client calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResilientOptions {
    /// When to try again, and how long a call may take from its first turn on, retries included.
    pub retry: RetryPolicy,
    /// How many retries all calls together may make.
    pub share: RetryShare,
    /// Requests a minute; `None` for no limit.
    pub requests: Option<Rate>,
    /// Tokens a minute, read and written ones together; `None` for no limit.
    pub tokens: Option<Rate>,
    /// When to stop asking an endpoint that keeps failing.
    pub breaker: BreakerPolicy,
    /// Seed of the jitter of waits; give each process its own.
    pub jitter: u64,
}

/// Counts of a [`Resilient`] client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResilientStats {
    /// Calls.
    pub calls: u64,
    /// Requests sent for them.
    pub attempts: u64,
    /// Attempts after the first of a call.
    pub retries: u64,
    /// Attempts that failed in a way that may pass, whether they were tried again or not.
    pub failed: u64,
    /// Failed attempts that an endpoint may bill all the same: broken off, timed out, not understood.
    pub uncertain: u64,
    /// The most that those cost. No part of any answer's usage.
    pub uncertain_cost: Cost,
    /// How often the breaker opened.
    pub opened: u64,
}

/// A client that keeps another one within its endpoint's limits and tries again what may pass.
///
/// It wraps a client that makes single attempts, such as `HostedClient`. Every call waits for its turn (first come,
/// first served, retries included), then for the rates, then for one of [`LlmClient::concurrency`] slots of the client
/// behind; no slot is held between tries.
///
/// # Retries
/// Transient failures and answers that are not understood are tried again as [`RetryPolicy`] says while [`RetryShare`]
/// lasts; the caller's own errors never are. Advice of an endpoint that throttles (429 with `Retry-After`) holds up
/// every call, not that one alone. The deadline counts from the first turn: waiting for one's own limits is no
/// failure of the endpoint. A stream is tried again only while none of its text was handed on.
///
/// # Breaker
/// While it is open, nothing is sent. A call whose deadline allows waits for it; others fail at once with
/// [`InferenceError::CircuitOpen`].
///
/// # Tokens
/// [`LlmClient::cap`] is reserved before an attempt; the answer's usage takes its place. Failed attempts count as none.
///
/// # Cancellation
/// Dropping the future gives back its place in line, its slot, its tokens and the breaker's probe.
///
/// # Charge
/// An answer carries its own attempt's usage only. What failed attempts may have cost is told by
/// [`Resilient::stats`].
///
/// ```
/// use inference::{Generate, InferenceError, LlmClient, Prompt, Resilient, ResilientOptions, ScriptedClient};
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// let busy = InferenceError::RateLimited { endpoint: "host".into(), wait: None };
/// let script = ScriptedClient::queue([Err(busy), Ok("hello".into())]);
/// let client = Resilient::new(script, ResilientOptions::default());
/// assert_eq!(client.generate(&Generate::new(Prompt::Text("hi".into()))).await?.text, "hello");
/// assert_eq!(client.stats().retries, 1);
/// # Ok::<(), InferenceError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Resilient<C> {
    client: C,
    options: ResilientOptions,
    gate: Gate,
    budget: Mutex<RetryBudget>,
    stats: Mutex<ResilientStats>,
}

/// What a verb brings along.
struct Verb<'a, T> {
    name: &'static str,
    /// The most that an attempt can use.
    cap: Cost,
    attempt: &'a (dyn Fn() -> BoxFuture<'a, Result<T, InferenceError>> + Sync),
    usage: fn(&T) -> Usage,
    /// Whether an attempt that failed may be made again.
    again: &'a (dyn Fn() -> bool + Sync),
    /// A text of the request's own, for the jitter.
    own: &'a (dyn Fn() -> String + Sync),
}

impl<C: LlmClient> Resilient<C> {
    /// Calls `client` as `options` say.
    pub fn new(client: C, options: ResilientOptions) -> Self {
        let gate = Gate::new(client.concurrency(), &options);
        let budget = Mutex::new(RetryBudget::new(options.share));
        Self { client, options, gate, budget, stats: Mutex::default() }
    }

    /// The client behind.
    pub fn inner(&self) -> &C {
        &self.client
    }

    /// Counts since this value was made.
    pub fn stats(&self) -> ResilientStats {
        ResilientStats { opened: self.gate.opened(), ..*self.counts() }
    }

    /// Whether the breaker lets attempts through freely.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    async fn call<T>(&self, verb: Verb<'_, T>) -> Result<T, InferenceError> {
        let policy = &self.options.retry;
        let ticket = self.gate.ticket();
        locked(&self.budget).deposit();
        self.counts().calls += 1;
        let tokens = verb.cap.tokens_in.saturating_add(verb.cap.tokens_out);
        let mut end: Option<Instant> = None;
        let mut jitter: Option<Stream> = None;
        let mut last: Option<InferenceError> = None;
        let mut tries = 0;
        loop {
            let entered = match end {
                None => self.gate.enter(ticket, tokens).await,
                Some(end) => match timeout_at(end, self.gate.enter(ticket, tokens)).await {
                    Ok(entered) => entered,
                    Err(_) => return Err(last.unwrap_or_else(|| self.out_of_time())),
                },
            };
            let now = Instant::now();
            let end = *end.get_or_insert_with(|| now + policy.deadline);
            let pass = match entered {
                Ok(pass) => pass,
                Err(until) if until < end => {
                    sleep_until(until).await;
                    continue;
                }
                Err(until) => return Err(self.broken(until.saturating_duration_since(now), last)),
            };
            self.sent(tries);
            let error = match timeout_at(end, (verb.attempt)()).await {
                Ok(Ok(answer)) => {
                    pass.answered(tokens_of(&(verb.usage)(&answer)));
                    return Ok(answer);
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    pass.failed();
                    let error = self.out_of_time();
                    self.missed(&error, &verb.cap);
                    return Err(last.unwrap_or(error));
                }
            };
            if !may_pass(&error) {
                pass.answered(tokens_of(&error.usage()));
                return Err(error);
            }
            self.missed(&error, &verb.cap);
            if let InferenceError::RateLimited { wait, .. } = &error {
                pass.answered(0);
                if let Some(wait) = wait.filter(|wait| *wait <= policy.longest_wait) {
                    self.gate.keep_quiet(wait);
                }
            } else {
                pass.failed();
            }
            if tries >= policy.retries || !(verb.again)() {
                return Err(error);
            }
            let jitter = jitter.get_or_insert_with(|| self.jitter(verb.name, &(verb.own)()));
            match policy.wait(tries, error.advised_wait(), jitter) {
                Some(wait) if Instant::now() + wait < end && locked(&self.budget).withdraw() => {
                    sleep(wait).await;
                }
                _ => return Err(error),
            }
            tries += 1;
            last = Some(error);
        }
    }

    fn sent(&self, tries: u32) {
        let mut counts = self.counts();
        counts.attempts += 1;
        counts.retries += u64::from(tries > 0);
    }

    fn missed(&self, error: &InferenceError, cap: &Cost) {
        let mut counts = self.counts();
        counts.failed += 1;
        let refused = matches!(error, InferenceError::RateLimited { .. } | InferenceError::Status { .. });
        if !refused {
            counts.uncertain += 1;
            counts.uncertain_cost += *cap;
        }
    }

    fn jitter(&self, verb: &str, own: &str) -> Stream {
        Stream::root(self.options.jitter).child(verb, 0).child(own, 0)
    }

    fn out_of_time(&self) -> InferenceError {
        let endpoint = self.client.identity().to_owned();
        InferenceError::Timeout { endpoint, after: self.options.retry.deadline }
    }

    fn broken(&self, wait: Duration, last: Option<InferenceError>) -> InferenceError {
        let message = last.map_or_else(|| "calls before it failed".to_owned(), |error| error.to_string());
        InferenceError::CircuitOpen { endpoint: self.client.identity().to_owned(), wait, message }
    }

    fn counts(&self) -> MutexGuard<'_, ResilientStats> {
        locked(&self.stats)
    }
}

/// Whether trying again may help: endpoints and gateways under load also send half pages and other people's pages.
fn may_pass(error: &InferenceError) -> bool {
    error.retryable() || error.kind() == ErrorKind::Protocol
}

fn tokens_of(usage: &Usage) -> u64 {
    usage.tokens_in.saturating_add(usage.tokens_out)
}

/// The guarded value, whatever became of the last holder: every change here is a single step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bytes(prompt: &Prompt) -> u64 {
    match prompt {
        Prompt::Text(text) => text.len() as u64,
        Prompt::Chat(messages) => messages.iter().map(|message| message.content.len() as u64).sum(),
    }
}

fn total(texts: &[String]) -> u64 {
    texts.iter().map(|text| text.len() as u64).sum()
}

impl<C: LlmClient> LlmClient for Resilient<C> {
    fn identity(&self) -> &str {
        self.client.identity()
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            self.call(Verb {
                name: "generate",
                cap: self.client.cap(request),
                attempt: &|| self.client.generate(request),
                usage: |answer: &Generated| answer.usage,
                again: &|| true,
                own: &|| format!("{request:?}"),
            })
            .await
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let begun = AtomicBool::new(false);
            let note = |text: &str| {
                begun.store(true, Ordering::Relaxed);
                on_text(text);
            };
            self.call(Verb {
                name: "generate",
                cap: self.client.cap(request),
                attempt: &|| self.client.stream(request, &note),
                usage: |answer: &Generated| answer.usage,
                again: &|| !begun.load(Ordering::Relaxed),
                own: &|| format!("{request:?}"),
            })
            .await
        })
    }

    /// Reserves a token for every byte.
    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(async move {
            let read = bytes(&request.prompt).saturating_add(total(&request.continuations));
            self.call(Verb {
                name: "score",
                cap: Cost::tokens(1, read, 0),
                attempt: &|| self.client.score(request),
                usage: |answer: &Scored| answer.usage,
                again: &|| true,
                own: &|| format!("{request:?}"),
            })
            .await
        })
    }

    /// Reserves a token for every byte.
    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(async move {
            self.call(Verb {
                name: "embed",
                cap: Cost::tokens(1, total(&request.texts), 0),
                attempt: &|| self.client.embed(request),
                usage: |answer: &Embedded| answer.usage,
                again: &|| true,
                own: &|| format!("{request:?}"),
            })
            .await
        })
    }

    fn cap(&self, request: &Generate) -> Cost {
        self.client.cap(request)
    }

    fn concurrency(&self) -> usize {
        self.client.concurrency()
    }
}
