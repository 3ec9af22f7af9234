use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use meta_traits::Stream;

use super::activation::partition;
use super::arena::Arena;
use super::forward::{Columns, Pass, TRUNK};
use super::gguf::ModelFile;
use super::model::Model;
use super::prefixes::Prefixes;
use super::sample::Sampler;
use super::simd::Cpu;
use super::template::{Template, Written};
use super::vocabulary::{Piece, Vocabulary};
use crate::{Generate, Generated, InferenceError, Score, Scored, StopCause, Usage};

/// Tokens of a long text evaluated in one go.
const CHUNK: usize = 128;
/// Branch tokens evaluated in one go.
const BRANCHES: usize = 256;

/// A model and what it needs to answer, on the caller's thread.
pub(crate) struct Engine {
    name: String,
    model: Model,
    vocabulary: Vocabulary,
    template: Template,
    prefixes: Prefixes,
    context: usize,
    cpu: Cpu,
}

/// A prompt as tokens, and how many of them other requests share.
struct Start {
    tokens: Vec<u32>,
    shared: usize,
}

/// One continuation to score: its tokens after the trunk.
struct Label {
    tokens: Vec<u32>,
}

impl Engine {
    /// Loads a model file; `context` and `prefix_bytes` limit prompts and the store of shared starts.
    pub(crate) fn open(
        path: &Path,
        name: String,
        context: Option<usize>,
        prefix_bytes: usize,
        cpu: Cpu,
    ) -> Result<Self, InferenceError> {
        let mut file = ModelFile::open(path)?;
        let model = Model::read(&mut file)?;
        let vocabulary = Vocabulary::read(&file)?;
        let template = Template::read(&file, &vocabulary);
        let trained = model.shape.context;
        let context = context.map_or(trained, |asked| asked.min(trained));
        Ok(Self { name, model, vocabulary, template, prefixes: Prefixes::new(prefix_bytes), context, cpu })
    }

    /// The name in errors and cache keys.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Most tokens of a prompt and its answer.
    pub(crate) fn context(&self) -> usize {
        self.context
    }

    /// Tokens of a request's prompt.
    pub(crate) fn count(&self, request: &Generate) -> Result<usize, InferenceError> {
        let written = self.write(&request.prompt, 0)?;
        Ok(self.encode(&written.whole)?.len())
    }

    /// Writes text; see [`crate::LlmClient::generate`].
    pub(crate) fn generate(
        &self,
        request: &Generate,
        given_up: &AtomicBool,
    ) -> Result<Generated, InferenceError> {
        self.check(request)?;
        let start = self.start(&self.write(&request.prompt, request.shared_prefix)?)?;
        let tokens = start.tokens.len();
        self.fit(tokens + request.max_tokens as usize)?;
        let (mut arena, cached) = self.shared(&start, tokens - 1, given_up)?;
        let described = self.read_on(&mut arena, &start.tokens, &[], &[], given_up)?;
        let sampler = Sampler {
            temperature: request.temperature,
            top_p: request.top_p,
            stream: Stream::root(request.seed),
        };
        let mut described = Model::column(&described, 0);
        let (mut bytes, mut written, mut cause) = (Vec::new(), 0, StopCause::Length);
        for step in 0..request.max_tokens {
            self.go_on(given_up)?;
            let token = sampler.pick(&self.model.logits(self.cpu, &described).numbers, u64::from(step));
            written = step + 1;
            if self.vocabulary.is_end(token) {
                cause = StopCause::Stop;
                break;
            }
            bytes.extend_from_slice(self.vocabulary.spell(token));
            if let Some(end) = first_stop(&bytes, &request.stop) {
                bytes.truncate(end);
                cause = StopCause::Stop;
                break;
            }
            if written < request.max_tokens {
                described = self.model.forward(
                    self.cpu,
                    &mut arena,
                    Pass {
                        tokens: &[token],
                        positions: &[(tokens as u32) + step],
                        branches: &[TRUNK],
                        wanted: &[0],
                        step: true,
                    },
                );
            }
        }
        let mut usage = Usage::new(tokens as u64, u64::from(written));
        usage.tokens_cached = cached as u64;
        Ok(Generated::new(String::from_utf8_lossy(&bytes), cause, usage))
    }

    /// Scores continuations; see [`crate::LlmClient::score`].
    pub(crate) fn score(&self, request: &Score, given_up: &AtomicBool) -> Result<Scored, InferenceError> {
        if request.continuations.is_empty() {
            return Err(self.invalid("nothing to score; give at least one continuation"));
        }
        if let Some(i) = request.continuations.iter().position(String::is_empty) {
            return Err(self.invalid(format!("continuation {i} is empty; give it at least one letter")));
        }
        let written = self.write(&request.prompt, request.shared_prefix)?;
        let mut start = self.start(&written)?;
        let labels = self.labels(&written.whole, &mut start, &request.continuations)?;
        let longest = labels.iter().map(|label| label.tokens.len()).max().unwrap_or(0);
        let trunk = start.tokens.len();
        self.fit(trunk + longest)?;
        let (mut arena, cached) = self.shared(&start, trunk - 1, given_up)?;
        let log_probs = self.score_labels(&mut arena, &start.tokens, &labels, given_up)?;
        let tokens: Vec<u32> = labels.iter().map(|label| label.tokens.len() as u32).collect();
        let mut usage = Usage::new(trunk as u64 + tokens.iter().map(|&n| u64::from(n)).sum::<u64>(), 0);
        usage.tokens_cached = cached as u64;
        Ok(Scored::new(log_probs, tokens, usage))
    }

    /// The tokens of each continuation, from the last place where all of them still agree with the prompt.
    ///
    /// Usually that place is the end of the prompt. Where a label melts with the prompt's end into one token, the
    /// prompt is cut back there for every label, so that all log-probabilities are of the same text.
    fn labels(
        &self,
        prompt: &[Piece],
        start: &mut Start,
        continuations: &[String],
    ) -> Result<Vec<Label>, InferenceError> {
        let mut wholes = Vec::with_capacity(continuations.len());
        for continuation in continuations {
            let mut pieces = prompt.to_vec();
            match pieces.last_mut() {
                Some(Piece::Text(text)) => text.push_str(continuation),
                _ => pieces.push(Piece::Text(continuation.clone())),
            }
            wholes.push(self.encode(&pieces)?);
        }
        let kept = wholes.iter().map(|whole| common(whole, &start.tokens)).min().unwrap_or(0);
        if kept == 0 {
            return Err(self.invalid(
                "the prompt melts with a continuation from its first token on; write a longer prompt",
            ));
        }
        start.tokens.truncate(kept);
        Ok(wholes.into_iter().map(|whole| Label { tokens: whole[kept..].to_vec() }).collect())
    }

    /// Reads the rest of the trunk with all labels behind it, and sums up log-probabilities.
    fn score_labels(
        &self,
        arena: &mut Arena,
        trunk: &[u32],
        labels: &[Label],
        given_up: &AtomicBool,
    ) -> Result<Vec<f64>, InferenceError> {
        let mut scores = vec![0.0; labels.len()];
        let mut first = 0;
        while first < labels.len() {
            // As many labels as fit, at least one. The first group is read together with the end of the trunk.
            let mut count = 1;
            let mut total = labels[first].tokens.len();
            while let Some(next) = labels.get(first + count).map(|label| label.tokens.len()) {
                if total + next > BRANCHES {
                    break;
                }
                total += next;
                count += 1;
            }
            let group = &labels[first..first + count];
            if first > 0 {
                arena.truncate(trunk.len() - 1);
            }
            let (mut tokens, mut branches) = (Vec::with_capacity(total), Vec::with_capacity(total));
            for (number, label) in group.iter().enumerate() {
                // The last token of a label is only predicted, never read.
                let read = &label.tokens[..label.tokens.len() - 1];
                tokens.extend_from_slice(read);
                branches.extend(std::iter::repeat_n(number as u32 + 1, read.len()));
            }
            let described = self.read_on(arena, trunk, &tokens, &branches, given_up)?;
            let logits = self.model.logits(self.cpu, &described);
            let log_sums = partition(self.cpu, &logits.numbers, logits.stride);
            let log_prob = |token: u32, column: usize| {
                let (top, sum) = log_sums[column];
                let logit = logits.numbers[token as usize * logits.stride + column];
                f64::from(logit) - f64::from(top) - sum.ln()
            };
            // Column 0 is the end of the trunk, then come the labels' read tokens in order.
            let mut column = 1;
            for (score, label) in scores[first..].iter_mut().zip(group) {
                *score = log_prob(label.tokens[0], 0);
                for token in &label.tokens[1..] {
                    *score += log_prob(*token, column);
                    column += 1;
                }
            }
            first += count;
        }
        Ok(scores)
    }

    /// Reads what `arena` lacks of `trunk`, then the branch tokens, and describes the trunk's last token and all
    /// branch tokens. The arena must lack at least the last trunk token.
    fn read_on(
        &self,
        arena: &mut Arena,
        trunk: &[u32],
        tokens: &[u32],
        branches: &[u32],
        given_up: &AtomicBool,
    ) -> Result<Columns, InferenceError> {
        let rest = trunk.len() - arena.len();
        if rest > CHUNK {
            self.read(arena, &trunk[..trunk.len() - 1 - (rest - 1) % CHUNK], given_up)?;
        }
        self.go_on(given_up)?;
        let base = arena.len();
        let last = trunk.len() - base;
        let mut positions: Vec<u32> = (base as u32..trunk.len() as u32).collect();
        let mut previous = TRUNK;
        for &branch in branches {
            let next = positions.last().map_or(0, |p| p + 1);
            positions.push(if branch == previous { next } else { trunk.len() as u32 });
            previous = branch;
        }
        let mut all = trunk[base..].to_vec();
        all.extend_from_slice(tokens);
        let mut of = vec![TRUNK; last];
        of.extend_from_slice(branches);
        let wanted: Vec<usize> = (last - 1..all.len()).collect();
        Ok(self.model.forward(
            self.cpu,
            arena,
            Pass { tokens: &all, positions: &positions, branches: &of, wanted: &wanted, step: false },
        ))
    }

    /// Reads what `arena` lacks of `trunk`, piece by piece.
    fn read(&self, arena: &mut Arena, trunk: &[u32], given_up: &AtomicBool) -> Result<(), InferenceError> {
        while arena.len() < trunk.len() {
            self.go_on(given_up)?;
            let base = arena.len();
            let tokens = &trunk[base..trunk.len().min(base + CHUNK)];
            let positions: Vec<u32> = (base as u32..).take(tokens.len()).collect();
            let branches = vec![TRUNK; tokens.len()];
            let pass = Pass { tokens, positions: &positions, branches: &branches, wanted: &[], step: false };
            self.model.forward(self.cpu, arena, pass);
        }
        Ok(())
    }

    /// An arena with the shared start of a prompt, at most `most` tokens of it, and how many came from the store.
    fn shared(
        &self,
        start: &Start,
        most: usize,
        given_up: &AtomicBool,
    ) -> Result<(Arena, usize), InferenceError> {
        let tokens = &start.tokens[..start.shared.min(most)];
        if tokens.is_empty() {
            return Ok((self.model.arena(), 0));
        }
        let mut arena = self.prefixes.longest(tokens).unwrap_or_else(|| self.model.arena());
        let cached = arena.len();
        if cached < tokens.len() {
            self.read(&mut arena, tokens, given_up)?;
            self.prefixes.store(tokens, arena.fork());
        }
        Ok((arena, cached))
    }

    fn start(&self, written: &Written) -> Result<Start, InferenceError> {
        let tokens = self.encode(&written.whole)?;
        if tokens.is_empty() {
            return Err(self.invalid("the prompt is empty; give it at least one letter"));
        }
        let shared =
            if written.shared.is_empty() { 0 } else { common(&self.encode(&written.shared)?, &tokens) };
        Ok(Start { tokens, shared })
    }

    fn write(&self, prompt: &crate::Prompt, shared: usize) -> Result<Written, InferenceError> {
        self.template.write(&self.vocabulary, prompt, shared).map_err(|message| self.invalid(message))
    }

    fn encode(&self, pieces: &[Piece]) -> Result<Vec<u32>, InferenceError> {
        self.vocabulary.encode(pieces).map_err(|message| self.invalid(message))
    }

    fn check(&self, request: &Generate) -> Result<(), InferenceError> {
        if !request.temperature.is_finite() {
            return Err(self.invalid(format!("temperature {} is no number", request.temperature)));
        }
        if !(request.top_p > 0.0 && request.top_p <= 1.0) {
            return Err(self.invalid(format!("top_p {} is not above 0 and at most 1", request.top_p)));
        }
        if request.stop.iter().any(String::is_empty) {
            return Err(self.invalid("an empty stop text would stop at once; leave it out"));
        }
        Ok(())
    }

    fn fit(&self, tokens: usize) -> Result<(), InferenceError> {
        if tokens > self.context {
            return Err(InferenceError::TooLong { model: self.name.clone(), tokens, limit: self.context });
        }
        Ok(())
    }

    fn go_on(&self, given_up: &AtomicBool) -> Result<(), InferenceError> {
        if given_up.load(Ordering::Relaxed) {
            return Err(self.invalid("given up by the caller"));
        }
        Ok(())
    }

    fn invalid(&self, message: impl Into<String>) -> InferenceError {
        InferenceError::Invalid { model: self.name.clone(), message: message.into() }
    }
}

fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where the first of `stops` begins in `bytes`.
fn first_stop(bytes: &[u8], stops: &[String]) -> Option<usize> {
    let find = |stop: &String| bytes.windows(stop.len()).position(|window| window == stop.as_bytes());
    stops.iter().filter_map(find).min()
}
