//! A model that is simulated: answers, token counts, money and time follow from hidden traits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use inference::{Generate, Generated, InferenceError, LlmClient, Prompt, Score, Scored, StopCause, Usage};
use meta_traits::{BoxFuture, Cost, Stream};

use super::system::{Role, Traits, words};

/// One simulated model.
///
/// Greedy requests are answered from a cache in memory the second time, at once, as the product's answer cache does
/// for hosted models.
pub(super) struct Simulated {
    pub(super) traits: Traits,
    pub(super) roles: Vec<(u32, Role)>,
    pub(super) answers: BTreeMap<String, String>,
    pub(super) labels: Vec<String>,
    /// US dollars a million tokens read, and written.
    pub(super) price: [f64; 2],
    pub(super) concurrency: usize,
    pub(super) cache: Mutex<BTreeMap<String, Generated>>,
}

fn text_of(prompt: &Prompt) -> &str {
    match prompt {
        Prompt::Text(text) => text,
        Prompt::Chat(messages) => messages.last().map_or("", |m| &m.content),
    }
}

/// Draws that belong to a text.
fn of(text: &str, label: &str, seed: u64) -> Stream {
    Stream::root(seed).child(text, 0).child(label, 0)
}

impl Simulated {
    fn tokens(&self, text: &str) -> u64 {
        (text.chars().count() as f64 * self.traits.tokens_per_char).ceil() as u64
    }

    fn money(&self, tokens_in: u64, tokens_out: u64) -> u64 {
        (self.price[0] * 1e3 * tokens_in as f64 + self.price[1] * 1e3 * tokens_out as f64).ceil() as u64
    }

    fn usage(&self, tokens_in: u64, tokens_out: u64) -> Usage {
        let mut usage = Usage::new(tokens_in, tokens_out);
        usage.nano_usd = self.money(tokens_in, tokens_out);
        usage
    }

    async fn wait(&self, prompt: &str, seed: u64, tokens_in: u64, tokens_out: u64) {
        let [base, read, written] = self.traits.latency;
        let mut rng = of(prompt, "time", seed);
        let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
        let noise = (self.traits.noise * radius * (std::f64::consts::TAU * rng.unit()).cos()).exp();
        let mut seconds = noise * (base + read * tokens_in as f64 + written * tokens_out as f64);
        if rng.chance(self.traits.stalls) {
            seconds += self.traits.stall * (0.5 + rng.unit());
        }
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// The label that a prompt leads to: the right one if the example is easy enough for it.
    fn label(&self, prompt: &str, seed: u64) -> &str {
        let Some(at) = prompt.rfind("ref-") else { return self.labels.first().map_or("", String::as_str) };
        let (template, reference) = (&prompt[..at], prompt.get(at..at + 9).unwrap_or_default());
        let Some(right) = self.answers.get(reference) else { return "" };
        let mut prompted = of(template, "quality", 0);
        let shift: f64 = (0..4).map(|_| prompted.unit() - 0.5).sum::<f64>() * 1.7 * self.traits.differ;
        let mut again = of(template, reference, seed);
        let easy = if again.chance(self.traits.flip) { again.unit() } else { of("", reference, 0).unit() };
        if easy < self.traits.right + shift {
            right
        } else {
            let wrong: Vec<&String> = self.labels.iter().filter(|l| *l != right).collect();
            again.pick(&wrong).map_or("", |l| l.as_str())
        }
    }

    fn answer(&self, request: &Generate) -> String {
        let prompt = text_of(&request.prompt);
        // Greedy answers do not depend on the seed.
        let seed = if request.is_greedy() { 0 } else { request.seed };
        let mut rng = of(prompt, "answer", seed);
        if let Prompt::Chat(_) = request.prompt {
            return self.rewrite(prompt, &mut rng);
        }
        let role = self.roles.iter().find(|(limit, _)| *limit == request.max_tokens);
        match role {
            Some((_, Role::Label)) => {
                let chatter = (self.traits.chatter * -(1.0 - rng.unit()).ln()) as usize;
                format!("{} {}", self.label(prompt, seed), words(chatter, &mut rng))
            }
            Some((limit, Role::Text { share, spread })) => {
                let about = share * f64::from(*limit) * ((rng.unit() - 0.5) * 3.4 * spread).exp();
                // A word and its blank have about six characters.
                words((about / self.traits.tokens_per_char / 6.0).max(1.0) as usize, &mut rng)
            }
            None if rng.chance(self.traits.accepts) => "yes".to_owned(),
            None => "no, not yet".to_owned(),
        }
    }

    /// The present prompt with a remark more, sometimes one less, sometimes of no use.
    fn rewrite(&self, request: &str, rng: &mut Stream) -> String {
        let now = request.split_once("The present prompt:\n").and_then(|(_, rest)| {
            let (fence, rest) = rest.split_once('\n')?;
            rest.split_once(&format!("\n{fence}\n")).map(|(text, _)| text)
        });
        let Some(now) = now else { return "I cannot see a prompt.".to_owned() };
        let limit: usize = request
            .rsplit_once("Use at most ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap_or(2000);
        let mut lines: Vec<String> = now.lines().map(str::to_owned).collect();
        if rng.chance(0.3)
            && let Some(old) = lines.iter().position(|l| l.starts_with("Mind: "))
        {
            lines.remove(old);
        }
        let add = self.traits.adds * (1.2 * (rng.unit() + rng.unit() - 1.0)).exp();
        let remark = format!("Mind: {}", words((add / 6.0) as usize + 1, rng));
        let length: usize = lines.iter().map(|l| l.chars().count() + 1).sum();
        let room = limit.saturating_sub(length + 2);
        let end = remark.char_indices().nth(room).map_or(remark.len(), |(i, _)| i);
        lines.insert(0, remark[..end].trim_end().to_owned());
        let text = lines.join("\n");
        let text = if rng.chance(self.traits.duds) { text.replace("{{ input }}", "the text") } else { text };
        format!("{}\n```\n{text}\n```", words(self.traits.chatter as usize, rng))
    }
}

impl LlmClient for Simulated {
    fn identity(&self) -> &'static str {
        "simulated"
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move {
            let prompt = text_of(&request.prompt);
            let key = format!("{} {prompt}", request.max_tokens);
            let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            if let Some(mut known) = known.filter(|_| request.is_greedy()) {
                known.usage.from_cache = true;
                return Ok(known);
            }
            let tokens_in = self.tokens(prompt) + self.traits.overhead;
            let mut text = self.answer(request);
            let most = (f64::from(request.max_tokens) / self.traits.tokens_per_char) as usize;
            let cut = text.char_indices().nth(most).map(|(i, _)| i);
            if let Some(cut) = cut {
                text.truncate(cut);
            }
            let tokens_out = self.tokens(&text).min(u64::from(request.max_tokens));
            let seed = if request.is_greedy() { 0 } else { request.seed };
            self.wait(prompt, seed, tokens_in, tokens_out).await;
            let stop = if cut.is_some() { StopCause::Length } else { StopCause::Stop };
            let generated = Generated::new(text, stop, self.usage(tokens_in, tokens_out));
            if request.is_greedy() {
                self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, generated.clone());
            }
            Ok(generated)
        })
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(async move {
            let prompt = text_of(&request.prompt);
            let right = self.label(prompt, 0).to_owned();
            let score = |c: &String| if c.trim() == right { -0.5 } else { -2.0 };
            let scores = request.continuations.iter().map(score).collect();
            let tokens: Vec<u32> = request.continuations.iter().map(|c| self.tokens(c) as u32).collect();
            let read = self.tokens(prompt)
                + self.traits.overhead
                + tokens.iter().map(|t| u64::from(*t)).sum::<u64>();
            let key = format!("score {prompt}");
            let again = {
                let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
                let kept = Generated::new("", StopCause::Stop, Usage::default());
                cache.insert(key, kept).is_some()
            };
            let mut usage = self.usage(read, 0);
            usage.from_cache = again;
            if !again {
                self.wait(prompt, 0, read, 0).await;
            }
            Ok(Scored::new(scores, tokens, usage))
        })
    }

    fn cap(&self, request: &Generate) -> Cost {
        // As for hosted models: a token is a byte at least.
        let read = text_of(&request.prompt).len() as u64 + 16;
        let written = u64::from(request.max_tokens);
        Cost::tokens(1, read, written).with_nano_usd(self.money(read, written))
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }
}
