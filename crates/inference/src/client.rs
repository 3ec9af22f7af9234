use std::sync::Arc;

use meta_traits::{BoxFuture, Cost};

use crate::{Embed, Embedded, Generate, Generated, InferenceError, Score, Scored};

/// Takes the pieces of a text as they arrive.
pub type OnText<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A language model, wherever it runs.
///
/// # Contract
/// - Equal greedy requests get equal answers from the embedded and scripted clients, whatever was asked before and
///   on however many threads; hosted models promise less.
/// - A failed call is an error value with a kind; the client stays usable.
/// - Dropping the future gives the call up.
pub trait LlmClient: Send + Sync {
    /// A name that changes whenever answers may change (weights, endpoint, options): part of every cache key.
    fn identity(&self) -> &str;

    /// Writes text.
    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>>;

    /// Writes text and hands it on piece by piece as it arrives; the whole answer, with its usage, comes at the end.
    ///
    /// The pieces, joined, are the answer's text; a failure may come after some of them. The default hands on the
    /// whole text at once, which is right for any client and wrapper.
    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let answer = self.generate(request).await?;
            on_text(&answer.text);
            Ok(answer)
        })
    }

    /// Scores continuations. The default says that the model cannot.
    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        let _ = request;
        let error =
            InferenceError::Unsupported { what: "scoring of labels", model: self.identity().to_owned() };
        Box::pin(async move { Err(error) })
    }

    /// Embeds texts. The default says that the model cannot.
    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        let _ = request;
        let error = InferenceError::Unsupported { what: "embedding", model: self.identity().to_owned() };
        Box::pin(async move { Err(error) })
    }

    /// The most that `request` can use: what a budget reserves before the call.
    fn cap(&self, request: &Generate) -> Cost;

    /// Calls worth having in flight at once.
    fn concurrency(&self) -> usize {
        1
    }
}

/// Shared clients, trait objects included, are clients.
impl<C: LlmClient + ?Sized> LlmClient for Arc<C> {
    fn identity(&self) -> &str {
        (**self).identity()
    }
    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        (**self).generate(request)
    }
    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        (**self).stream(request, on_text)
    }
    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        (**self).score(request)
    }
    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        (**self).embed(request)
    }
    fn cap(&self, request: &Generate) -> Cost {
        (**self).cap(request)
    }
    fn concurrency(&self) -> usize {
        (**self).concurrency()
    }
}
