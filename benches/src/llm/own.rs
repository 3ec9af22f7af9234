use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::Context as _;
use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use inference::{Generate, LlmClient as _, Prompt, Score};
use tokio::runtime::Runtime;

use super::clock::Clock;
use super::{Row, Texts, Work};

/// Tokens written in one measurement of writing.
pub(super) const WRITTEN: u32 = 96;

/// The embedded engine.
pub struct Own {
    client: EmbeddedClient,
    runtime: Runtime,
    threads: usize,
}

impl Own {
    /// Loads a model.
    ///
    /// # Errors
    /// When the file is no model.
    pub fn open(model: &Path, threads: NonZeroUsize) -> anyhow::Result<Self> {
        let mut options = EmbeddedOptions::default();
        options.threads = threads;
        let client = EmbeddedClient::open_with(model, &options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self { client, runtime, threads: threads.get() })
    }

    /// Tokens of a text.
    pub fn count(&self, text: &str) -> u64 {
        self.client.cap(&Generate::new(Prompt::Text(text.to_owned()))).tokens_in
    }

    /// Does `work` once.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn measure(&self, work: Work, texts: &Texts, repeat: usize) -> anyhow::Result<Row> {
        let (amount, (wall_s, cpu_s)) = match work {
            Work::Prefill128 => self.read(&texts.short)?,
            Work::Prefill512 => self.read(&texts.long)?,
            Work::Decode => {
                let (_, first) = self.write(&texts.suffixes[0], 1)?;
                let (amount, whole) = self.write(&texts.suffixes[0], WRITTEN)?;
                (amount - 1, (whole.0 - first.0, whole.1.zip(first.1).map(|(w, f)| w - f)))
            }
            Work::Score => {
                // The prefix is evaluated before the clock starts, as the server's is.
                self.runtime.block_on(self.client.score(&example(texts, 0)))?;
                let clock = Clock::start(Some(std::process::id()));
                self.score(texts)?;
                (texts.suffixes.len() as u64, clock.stop())
            }
        };
        Ok(Row { engine: "own", threads: self.threads, work, repeat, amount, wall_s, cpu_s })
    }

    fn read(&self, text: &str) -> anyhow::Result<(u64, (f64, Option<f64>))> {
        let request = Score::new(Prompt::Text(text.to_owned()), vec![" and".to_owned()]);
        let clock = Clock::start(Some(std::process::id()));
        let scored = self.runtime.block_on(self.client.score(&request))?;
        let time = clock.stop();
        Ok((scored.usage.tokens_in - u64::from(scored.tokens[0]), time))
    }

    fn write(&self, text: &str, tokens: u32) -> anyhow::Result<(u64, (f64, Option<f64>))> {
        let mut request = Generate::new(Prompt::Text(text.to_owned()));
        request.max_tokens = tokens;
        let clock = Clock::start(Some(std::process::id()));
        let written = self.runtime.block_on(self.client.generate(&request))?;
        Ok((written.usage.tokens_out, clock.stop()))
    }

    fn score(&self, texts: &Texts) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let calls: Vec<_> = (0..texts.suffixes.len())
                .map(|i| {
                    let (client, request) = (self.client.clone(), example(texts, i));
                    tokio::spawn(async move { client.score(&request).await })
                })
                .collect();
            for call in calls {
                call.await.context("a call was lost")??;
            }
            Ok(())
        })
    }
}

fn example(texts: &Texts, i: usize) -> Score {
    let whole = format!("{}{}", texts.prefix, texts.suffixes[i]);
    let mut request = Score::new(Prompt::Text(whole), texts.labels.clone());
    request.shared_prefix = texts.prefix.len();
    request
}
