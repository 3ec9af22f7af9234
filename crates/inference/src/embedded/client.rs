use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use meta_traits::{BoxFuture, Cost};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;

use super::crew::{ALONE, Crew};
use super::engine::Engine;
use super::gguf::sha256;
use super::queue::{Queue, TOGETHER, Waiting};
use super::simd::Cpu;
use crate::{Generate, Generated, InferenceError, LlmClient, Score, Scored};

/// Choices for the built-in engine. None of them changes an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// Threads. Requests that wait share them out; a request alone takes them all. The default is the machine's
    /// parallelism, at most 4.
    pub threads: NonZeroUsize,
    /// Most tokens of a prompt and its answer; `None` is what the model was trained for, which is also the most.
    pub context: Option<usize>,
    /// Bytes of memory for evaluated shared prefixes.
    pub prefix_bytes: usize,
    /// SHA-256 of the file in hexadecimal, if already checked; `None` hashes the file.
    pub sha256: Option<String>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let four = NonZeroUsize::MIN.saturating_add(3);
        Self { threads: threads.min(four), context: None, prefix_bytes: 256 << 20, sha256: None }
    }
}

/// A language model of the llama architecture, read from a GGUF file and run on the CPU of this machine.
///
/// # Answers
/// Weights stay as quantised as the file holds them (Q4_0, Q4_1, Q8_0, F16, F32; other types become F32);
/// activations are single precision throughout. Requests for scores that wait for a thread are evaluated together,
/// which is about half as dear as one by one; the result for a token does not depend on what is evaluated with it, so
/// equal requests get equal bits whatever was asked before or at the same time, whatever the number of threads, with
/// or without a cached prefix (same binary, same CPU features). Only [`Usage::tokens_cached`](crate::Usage) tells of
/// the past.
///
/// # Text
/// Special tokens come from the model's chat template alone; text that spells them stays text. In
/// [`Score`], a continuation that melts with the end of the prompt into one token is scored from the last token
/// boundary that all continuations share.
///
/// # Errors
/// [`InferenceError::Invalid`] for unusable requests and [`InferenceError::TooLong`] beyond the context. A dropped
/// future is given up within one pass over at most a few hundred tokens.
///
/// ```no_run
/// use inference::embedded::EmbeddedClient;
/// use inference::{LlmClient, Prompt, Score};
///
/// # async fn example() -> Result<(), inference::InferenceError> {
/// let client = EmbeddedClient::open("SmolLM2-135M-Instruct.Q4_1.gguf")?;
/// let labels = vec![" positive".to_owned(), " negative".to_owned()];
/// let scored = client.score(&Score::new(Prompt::Text("What a film! Sentiment:".to_owned()), labels)).await?;
/// println!("{:?}", scored.best());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EmbeddedClient {
    engine: Arc<Engine>,
    /// One permit a thread.
    workers: Arc<Semaphore>,
    /// For requests that have all threads to themselves.
    crew: Arc<Crew>,
    queue: Arc<Queue>,
    threads: usize,
}

impl EmbeddedClient {
    /// Loads a model with the default options. Reads the whole file twice: once for its hash.
    ///
    /// # Errors
    /// [`InferenceError::Io`] if the file cannot be read; [`InferenceError::Model`] if it is damaged or of a kind the
    /// engine does not run.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::open_with(path, &EmbeddedOptions::default())
    }

    /// Loads a model.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`InferenceError::Model`] for a `sha256` that is not 64 hexadecimal digits.
    pub fn open_with(path: impl AsRef<Path>, options: &EmbeddedOptions) -> Result<Self, InferenceError> {
        let path = path.as_ref();
        let hash = match &options.sha256 {
            Some(known) if known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit()) => {
                known.to_ascii_lowercase()
            }
            Some(other) => {
                let message = format!("'{other}' is no SHA-256; give 64 hexadecimal digits or none");
                return Err(InferenceError::Model { path: path.to_owned(), message });
            }
            None => sha256(path)?,
        };
        let name = format!("embedded:{}", &hash[..12]);
        let engine = Engine::open(path, name, options.context, options.prefix_bytes, Cpu::detect())?;
        let threads = options.threads.get();
        Ok(Self {
            engine: Arc::new(engine),
            workers: Arc::new(Semaphore::new(threads)),
            crew: Arc::new(Crew::new(threads)),
            queue: Arc::default(),
            threads,
        })
    }

    /// Most tokens of a prompt and its answer.
    pub fn context(&self) -> usize {
        self.engine.context()
    }

    /// Runs `work` on a thread for blocking work, with a crew of all workers that have nothing to do.
    async fn work<T: Send + 'static>(
        &self,
        first: OwnedSemaphorePermit,
        work: impl FnOnce(&Engine, &Crew) -> T + Send + 'static,
    ) -> Result<T, InferenceError> {
        let (engine, crew) = (Arc::clone(&self.engine), Arc::clone(&self.crew));
        let others = self.threads - 1;
        let others =
            (others > 0).then(|| Arc::clone(&self.workers).try_acquire_many_owned(others as u32).ok());
        let task = spawn_blocking(move || {
            let result = match others.flatten() {
                Some(_all) => crew.enter(|| work(&engine, &crew)),
                None => work(&engine, &ALONE),
            };
            drop(first);
            result
        });
        task.await.map_err(|error| self.failed(&error.to_string()))
    }

    /// A worker, once one is free.
    async fn worker(&self) -> Result<OwnedSemaphorePermit, InferenceError> {
        Arc::clone(&self.workers).acquire_owned().await.map_err(|error| self.failed(&error.to_string()))
    }

    fn failed(&self, message: &str) -> InferenceError {
        let message = format!("the engine failed ({message}); please report it");
        InferenceError::Invalid { model: self.engine.name().to_owned(), message }
    }

    async fn write(&self, request: Generate) -> Result<Generated, InferenceError> {
        request.only_text(self.engine.name())?;
        let guard = GiveUp::default();
        let given_up = Arc::clone(&guard.0);
        let worker = self.worker().await?;
        self.work(worker, move |engine, crew| engine.generate(&request, crew, &given_up)).await?
    }

    /// Queues a request. Whoever waits and gets a worker first answers several at once, others' requests perhaps.
    async fn weigh(&self, request: Score) -> Result<Scored, InferenceError> {
        let guard = GiveUp::default();
        let (answer, mut answered) = oneshot::channel();
        self.queue.push(Waiting { request, given_up: Arc::clone(&guard.0), answer });
        let mut worker = pin!(self.worker());
        let either = poll_fn(|context| match Pin::new(&mut answered).poll(context) {
            Poll::Ready(answer) => Poll::Ready(Err(answer)),
            Poll::Pending => worker.as_mut().poll(context).map(Ok),
        });
        match either.await {
            Err(answer) => return answer.map_err(|error| self.failed(&error.to_string()))?,
            Ok(worker) => {
                let (queue, workers) = (Arc::clone(&self.queue), self.threads);
                self.work(worker?, move |engine, crew| answer_some(queue.take(workers), engine, crew))
                    .await?;
            }
        }
        answered.await.map_err(|error| self.failed(&error.to_string()))?
    }
}

/// Tells the engine, when dropped, that nobody waits any more.
#[derive(Default)]
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn answer_some(waiting: Vec<Waiting>, engine: &Engine, crew: &Crew) {
    let requests: Vec<_> = waiting.iter().map(|w| (&w.request, &*w.given_up)).collect();
    let answers = engine.score(&requests, crew);
    for (waiting, answer) in waiting.into_iter().zip(answers) {
        // Who no longer waits does not mind.
        let _ = waiting.answer.send(answer);
    }
}

impl LlmClient for EmbeddedClient {
    fn identity(&self) -> &str {
        self.engine.name()
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(self.write(request.clone()))
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(self.weigh(request.clone()))
    }

    /// Exact for the prompt; a prompt that cannot be written counts as the whole context.
    fn cap(&self, request: &Generate) -> Cost {
        let prompt = self.engine.count(request).unwrap_or(self.engine.context());
        Cost::tokens(1, prompt as u64, u64::from(request.max_tokens))
    }

    /// As many as fill joint evaluations on all threads.
    fn concurrency(&self) -> usize {
        self.threads * TOGETHER
    }
}
