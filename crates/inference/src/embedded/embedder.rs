use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use meta_traits::{BoxFuture, Cost};
use sha2::{Digest as _, Sha256};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::EmbeddedOptions;
use super::gguf::sha256;
use super::simd::Cpu;
use crate::{Embed, Embedded, Generate, Generated, InferenceError, LlmClient, Usage};

mod bert;
mod kernel;

use bert::{Bert, Config};

/// Most tokens of a text, as in the training of all-MiniLM-L6-v2; what comes after them is cut off.
const MOST: usize = 256;

/// Turns texts into vectors with a sentence encoder of the BERT architecture, all-MiniLM-L6-v2 before all, on the CPU.
///
/// Reads `model.safetensors`, `tokenizer.json` and `config.json` of one folder. A vector is the mean of the final
/// descriptions of the first 256 tokens, scaled to length 1 (Reimers & Gurevych 2019, Sentence-BERT), in single
/// precision; cosines are within 1e-5 of double precision.
///
/// A text's vector depends on the text alone: equal texts get equal bits whatever else is asked, in whatever order and
/// on however many threads (same binary, same CPU features). An empty text has a vector, too.
///
/// It only embeds: [`generate`](LlmClient::generate) and [`score`](LlmClient::score) give
/// [`InferenceError::Unsupported`].
///
/// ```no_run
/// use inference::embedded::SentenceEmbedder;
/// use inference::{Embed, LlmClient};
///
/// # async fn example() -> Result<(), inference::InferenceError> {
/// let embedder = SentenceEmbedder::open("all-MiniLM-L6-v2")?;
/// let texts = vec!["A cat sleeps.".to_owned(), "The cat is asleep.".to_owned()];
/// let vectors = embedder.embed(&Embed::new(texts)).await?.vectors;
/// let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// println!("{cosine:.3}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SentenceEmbedder {
    encoder: Arc<Encoder>,
    workers: Arc<Semaphore>,
    threads: usize,
}

struct Encoder {
    name: String,
    bert: Bert,
    tokenizer: Tokenizer,
    cpu: Cpu,
}

impl SentenceEmbedder {
    /// Loads the encoder of a folder, or beside a `model.safetensors` given by path, with the default number of threads.
    ///
    /// # Errors
    /// [`InferenceError::Io`] if a file cannot be read; [`InferenceError::Model`] if one is damaged, or the encoder is of
    /// another kind.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::open_with(path, &EmbeddedOptions::default())
    }

    /// As [`open`](Self::open); of the options, only `threads` counts.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &EmbeddedOptions) -> Result<Self, InferenceError> {
        let path = path.as_ref();
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let encoder = Encoder::open(folder)?;
        let threads = options.threads.get();
        Ok(Self { encoder: Arc::new(encoder), workers: Arc::new(Semaphore::new(threads)), threads })
    }
}

impl Encoder {
    fn open(folder: &Path) -> Result<Self, InferenceError> {
        let file = |name: &str| folder.join(name);
        let (weights, words, settings) =
            (file("model.safetensors"), file("tokenizer.json"), file("config.json"));
        let wrong = |path: &PathBuf| {
            let path = path.clone();
            move |message: String| InferenceError::Model { path: path.clone(), message }
        };
        let text = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| InferenceError::Io { path: path.clone(), source })
        };
        let config = Config::read(&text(&settings)?).map_err(wrong(&settings))?;
        let most = MOST.min(config.max_position_embeddings);
        let refused = |error: tokenizers::Error| {
            let reason = error.to_string();
            format!("is no tokenizer ({})", reason.lines().next().unwrap_or("no reason given"))
        };
        let mut tokenizer =
            text(&words)?.parse::<Tokenizer>().map_err(|error| wrong(&words)(refused(error)))?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: most, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| wrong(&words)(refused(error)))?;
        let mut hash = Sha256::new();
        for path in [&weights, &words, &settings] {
            hash.update(sha256(path)?);
        }
        let digits = hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let bert = Bert::read(&weights, config).map_err(wrong(&weights))?;
        Ok(Self { name: format!("embedder:{}", &digits[..12]), bert, tokenizer, cpu: Cpu::detect() })
    }

    fn embed(&self, request: &Embed, given_up: &AtomicBool) -> Result<Embedded, InferenceError> {
        let invalid = |message: String| InferenceError::Invalid { model: self.name.clone(), message };
        let (mut vectors, mut read) = (Vec::with_capacity(request.texts.len()), 0);
        for text in &request.texts {
            if given_up.load(Ordering::Relaxed) {
                return Err(invalid("given up by the caller".to_owned()));
            }
            let encoded = self
                .tokenizer
                .encode_fast(text.as_str(), true)
                .map_err(|error| invalid(error.to_string()))?;
            let tokens = encoded.get_ids();
            read += tokens.len() as u64;
            vectors.push(self.bert.embed(self.cpu, tokens).map_err(invalid)?);
        }
        Ok(Embedded::new(vectors, Usage::new(read, 0)))
    }
}

/// Tells a worker that nobody waits for it any more.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl LlmClient for SentenceEmbedder {
    fn identity(&self) -> &str {
        &self.encoder.name
    }

    fn generate<'a>(&'a self, _: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        let error = InferenceError::Unsupported { what: "generation", model: self.encoder.name.clone() };
        Box::pin(async move { Err(error) })
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        let request = request.clone();
        Box::pin(async move {
            let gone =
                |message: String| InferenceError::Invalid { model: self.encoder.name.clone(), message };
            let permit = Arc::clone(&self.workers).acquire_owned().await;
            let permit = permit.map_err(|error| gone(error.to_string()))?;
            let guard = GiveUp(Arc::new(AtomicBool::new(false)));
            let (encoder, given_up) = (Arc::clone(&self.encoder), Arc::clone(&guard.0));
            let task = spawn_blocking(move || {
                let result = encoder.embed(&request, &given_up);
                drop(permit);
                result
            });
            task.await.map_err(|error| gone(format!("the embedder failed ({error}); please report it")))?
        })
    }

    /// Nothing: it generates nothing.
    fn cap(&self, _: &Generate) -> Cost {
        Cost::ZERO
    }

    fn concurrency(&self) -> usize {
        self.threads
    }
}
