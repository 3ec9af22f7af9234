use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use meta_traits::{BoxFuture, Cost};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Embed, Embedded, Generate, Generated, InferenceError, LlmClient, OnText, Score, Scored, Usage};

mod bound;
mod key;
mod store;

use bound::Bound;
use key::CacheKey;
use store::AnswerFiles;

/// Counts of a [`Cached`] client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Answers found.
    pub hits: u64,
    /// Answers that had to be asked for, requests that may not be cached included.
    pub misses: u64,
    /// Answers that could not be written; they were given all the same.
    pub unwritten: u64,
    /// Answers that were removed to make room.
    pub evicted: u64,
}

impl CacheStats {
    /// Share of requests whose answer was found; 0 where there were none.
    pub fn hit_rate(&self) -> f64 {
        let asked = self.hits + self.misses;
        if asked == 0 { 0.0 } else { self.hits as f64 / asked as f64 }
    }
}

/// A client that keeps the answers of another one on disk.
///
/// An answer's name is the BLAKE3 hash of the format version, the client's identity, the verb and the request without
/// `shared_prefix` (and without the seed where it plays no part: greedy requests). Answers lie in
/// `DIR/ab/cdef...json`, written to a temporary name and renamed. Equal requests that run at once in one process are
/// asked once. Failures are never kept.
///
/// A damaged, cut or foreign file is a miss and is replaced. A write that fails is counted and costs nothing but the
/// next hit. Any number of tasks and processes may share a directory. File access is synchronous: answers are small.
/// [`Cached::bounded`] keeps the directory within a size.
///
/// ```
/// use inference::{Cached, Generate, LlmClient, Prompt, ScriptedClient};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// let client = Cached::new(ScriptedClient::answering(|_| "hello".into()), folder.path());
/// let request = Generate::new(Prompt::Text("hi".into()));
/// assert!(!client.generate(&request).await?.usage.from_cache);
/// assert!(client.generate(&request).await?.usage.from_cache);
/// assert_eq!(client.inner().asked().len(), 1);
/// # Ok::<(), inference::InferenceError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Cached<C> {
    client: C,
    files: AnswerFiles,
    sampled: bool,
    hits: AtomicU64,
    misses: AtomicU64,
    unwritten: AtomicU64,
    evicted: AtomicU64,
    gates: Gates,
}

/// One gate for each request that is being answered.
type Gates = Mutex<BTreeMap<CacheKey, Arc<tokio::sync::Mutex<()>>>>;

impl<C: LlmClient> Cached<C> {
    /// Keeps the answers of `client` in the folder `dir`, which need not exist. Sampled answers are not kept.
    pub fn new(client: C, dir: impl Into<PathBuf>) -> Self {
        Self {
            client,
            files: AnswerFiles::new(dir.into()),
            sampled: false,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            gates: Gates::default(),
        }
    }

    /// Whether answers to sampled requests (temperature above 0) are kept as well.
    ///
    /// Right for the embedded model, whose samples depend on the seed alone; for a hosted model it would turn a
    /// random answer into a constant.
    #[must_use]
    pub fn keep_sampled(mut self, keep: bool) -> Self {
        self.sampled = keep;
        self
    }

    /// Keeps the files within `bytes`: those used longest ago are removed for new ones.
    ///
    /// Each of the 256 folders keeps to its part, so an answer above a 256th of `bytes` is not kept at all. While other
    /// processes write too, each may exceed the size by an eighth.
    #[must_use]
    pub fn bounded(mut self, bytes: u64) -> Self {
        self.files.bound = Some(Bound::new(bytes));
        self
    }

    /// The client behind.
    pub fn inner(&self) -> &C {
        &self.client
    }

    /// Counts since this value was made.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            unwritten: self.unwritten.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    async fn answer<A: Answer>(
        &self,
        key: CacheKey,
        ask: impl Future<Output = Result<A, InferenceError>>,
    ) -> Result<A, InferenceError> {
        let place = Place::of(&self.gates, key);
        let _turn = place.gate.lock().await;
        if let Some(mut answer) = self.files.load::<A>(&place.key) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            answer.usage_mut().from_cache = true;
            return Ok(answer);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let answer = ask.await?;
        match self.files.save(&place.key, &answer) {
            Ok(gone) => self.evicted.fetch_add(gone, Ordering::Relaxed),
            Err(_) => self.unwritten.fetch_add(1, Ordering::Relaxed),
        };
        Ok(answer)
    }
}

/// A place in the queue for one request, given back when dropped.
struct Place<'a> {
    gates: &'a Gates,
    key: CacheKey,
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Place<'a> {
    fn of(gates: &'a Gates, key: CacheKey) -> Self {
        let mut map = gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = Arc::clone(map.entry(key.clone()).or_default());
        Self { gates, key, gate }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut map = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's reference and this one: nobody else waits.
        if Arc::strong_count(&self.gate) == 2 {
            map.remove(&self.key);
        }
    }
}

/// An answer that can be kept.
trait Answer: Serialize + DeserializeOwned {
    fn usage_mut(&mut self) -> &mut Usage;
}

impl Answer for Generated {
    fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }
}

impl Answer for Scored {
    fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }
}

impl Answer for Embedded {
    fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }
}

impl<C: LlmClient> LlmClient for Cached<C> {
    fn identity(&self) -> &str {
        self.client.identity()
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            if !request.is_greedy() && !self.sampled {
                self.misses.fetch_add(1, Ordering::Relaxed);
                return self.client.generate(request).await;
            }
            let key = CacheKey::of_generate(self.identity(), request);
            self.answer(key, self.client.generate(request)).await
        })
    }

    /// A kept answer comes in one piece.
    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            if !request.is_greedy() && !self.sampled {
                self.misses.fetch_add(1, Ordering::Relaxed);
                return self.client.stream(request, on_text).await;
            }
            let key = CacheKey::of_generate(self.identity(), request);
            let mut asked = false;
            let ask = async {
                asked = true;
                self.client.stream(request, on_text).await
            };
            let answer = self.answer(key, ask).await?;
            if !asked {
                on_text(&answer.text);
            }
            Ok(answer)
        })
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(self.answer(CacheKey::of_score(self.identity(), request), self.client.score(request)))
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(self.answer(CacheKey::of_embed(self.identity(), request), self.client.embed(request)))
    }

    fn cap(&self, request: &Generate) -> Cost {
        self.client.cap(request)
    }

    fn concurrency(&self) -> usize {
        self.client.concurrency()
    }
}
