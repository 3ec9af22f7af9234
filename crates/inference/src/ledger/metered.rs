use std::time::Duration;

use tokio::time::Instant;

use super::{
    Arc, BoxFuture, Call, CallEnd, Cost, Embed, Embedded, Generate, Generated, InferenceError, Ledger,
    LlmClient, Purpose, Score, Scored, Usage,
};
use crate::OnText;

/// A client whose calls are all recorded in a [`Ledger`], those included that fail or are given up.
///
/// Put it outside of [`crate::Cached`], so that answers from the cache are recorded as such.
#[derive(Debug)]
pub struct Metered<C> {
    client: C,
    purpose: Purpose,
    model: Arc<str>,
    ledger: Arc<Ledger>,
}

impl<C: LlmClient> Metered<C> {
    /// Records the calls of `client` in `ledger` as made for `purpose`.
    pub fn new(client: C, purpose: Purpose, ledger: Arc<Ledger>) -> Self {
        let model = client.identity().into();
        Self { client, purpose, model, ledger }
    }

    /// The client behind.
    pub fn inner(&self) -> &C {
        &self.client
    }

    fn open(&self, verb: &'static str) -> Open<'_> {
        let call = Call {
            purpose: self.purpose,
            model: Arc::clone(&self.model),
            verb,
            end: CallEnd::Abandoned,
            usage: Usage::default(),
            latency: Duration::ZERO,
        };
        Open { ledger: &self.ledger, begun: Instant::now(), call: Some(call) }
    }
}

/// A call that has not ended; dropped with its future, it is recorded as abandoned.
struct Open<'a> {
    ledger: &'a Ledger,
    begun: Instant,
    call: Option<Call>,
}

impl Open<'_> {
    fn close<T>(mut self, result: &Result<T, InferenceError>, usage: impl Fn(&T) -> Usage) {
        if let Some(call) = &mut self.call {
            match result {
                Ok(answer) => {
                    call.end = CallEnd::Answered;
                    call.usage = usage(answer);
                }
                Err(error) => {
                    call.end = CallEnd::Failed;
                    call.usage = error.usage();
                }
            }
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(mut call) = self.call.take() {
            call.latency = self.begun.elapsed();
            self.ledger.record(call);
        }
    }
}

impl<C: LlmClient> LlmClient for Metered<C> {
    fn identity(&self) -> &str {
        self.client.identity()
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let open = self.open("generate");
            let result = self.client.generate(request).await;
            open.close(&result, |answer| answer.usage);
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let open = self.open("stream");
            let result = self.client.stream(request, on_text).await;
            open.close(&result, |answer| answer.usage);
            result
        })
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(async move {
            let open = self.open("score");
            let result = self.client.score(request).await;
            open.close(&result, |answer| answer.usage);
            result
        })
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(async move {
            let open = self.open("embed");
            let result = self.client.embed(request).await;
            open.close(&result, |answer| answer.usage);
            result
        })
    }

    fn cap(&self, request: &Generate) -> Cost {
        self.client.cap(request)
    }

    fn concurrency(&self) -> usize {
        self.client.concurrency()
    }
}
