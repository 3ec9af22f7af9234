use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use meta_traits::Stream;

use super::arena::Arena;
use super::crew::Crew;
use super::forward::{Pass, Segment, TRUNK};
use super::gguf::ModelFile;
use super::matrix::Matrix;
use super::model::Model;
use super::prefixes::Prefixes;
use super::sample::Sampler;
use super::simd::Cpu;
use super::template::{Template, Written};
use super::vocabulary::{Piece, Vocabulary};
use crate::{Generate, Generated, InferenceError, StopCause, Usage};

/// Tokens of a long text evaluated in one go.
const CHUNK: usize = 192;

/// A model and what it needs to answer, on the caller's thread and those of a crew.
pub(crate) struct Engine {
    name: String,
    pub(super) model: Model,
    vocabulary: Vocabulary,
    template: Template,
    prefixes: Prefixes,
    context: usize,
    pub(super) cpu: Cpu,
}

/// A prompt as tokens, and how many of them other requests share.
pub(super) struct Start {
    pub(super) tokens: Vec<u32>,
    shared: usize,
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
        crew: &Crew,
        given_up: &AtomicBool,
    ) -> Result<Generated, InferenceError> {
        self.check(request)?;
        let start = self.start(&self.write(&request.prompt, request.shared_prefix)?)?;
        let tokens = start.tokens.len();
        self.fit(tokens + request.max_tokens as usize)?;
        let (mut arena, cached) = self.shared(crew, &start, tokens - 1, given_up)?;
        let mut described = self.read_on(crew, &mut arena, &start.tokens, given_up)?;
        let sampler = Sampler {
            temperature: request.temperature,
            top_p: request.top_p,
            stream: Stream::root(request.seed),
        };
        let (mut bytes, mut written, mut cause) = (Vec::new(), 0, StopCause::Length);
        for step in 0..request.max_tokens {
            self.go_on(given_up)?;
            let logits = self.model.logits(self.cpu, crew, &described);
            let token = sampler.pick(&logits.numbers[..self.model.shape.vocabulary], u64::from(step));
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
                let pass = Pass {
                    tokens: &[token],
                    positions: &[(tokens as u32) + step],
                    branches: &[TRUNK],
                    wanted: &[0],
                };
                described = self.model.forward(self.cpu, crew, &mut [Segment { arena: &mut arena, pass }]);
            }
        }
        let mut usage = Usage::new(tokens as u64, u64::from(written));
        usage.tokens_cached = cached as u64;
        Ok(Generated::new(String::from_utf8_lossy(&bytes), cause, usage))
    }

    /// Reads what `arena` lacks of `trunk`, and describes its last token. The arena must lack at least that.
    fn read_on(
        &self,
        crew: &Crew,
        arena: &mut Arena,
        trunk: &[u32],
        given_up: &AtomicBool,
    ) -> Result<Matrix, InferenceError> {
        self.read(crew, arena, &trunk[..trunk.len() - last(trunk.len() - arena.len())], given_up)?;
        self.go_on(given_up)?;
        let (tokens, base) = (&trunk[arena.len()..], arena.len() as u32);
        let positions: Vec<u32> = (base..).take(tokens.len()).collect();
        let (branches, wanted) = (vec![TRUNK; tokens.len()], [tokens.len() - 1]);
        let pass = Pass { tokens, positions: &positions, branches: &branches, wanted: &wanted };
        Ok(self.model.forward(self.cpu, crew, &mut [Segment { arena, pass }]))
    }

    /// Reads what `arena` lacks of `trunk`, piece by piece.
    pub(super) fn read(
        &self,
        crew: &Crew,
        arena: &mut Arena,
        trunk: &[u32],
        given_up: &AtomicBool,
    ) -> Result<(), InferenceError> {
        while arena.len() < trunk.len() {
            self.go_on(given_up)?;
            let base = arena.len();
            let tokens = &trunk[base..trunk.len().min(base + CHUNK)];
            let positions: Vec<u32> = (base as u32..).take(tokens.len()).collect();
            let branches = vec![TRUNK; tokens.len()];
            let pass = Pass { tokens, positions: &positions, branches: &branches, wanted: &[] };
            self.model.forward(self.cpu, crew, &mut [Segment { arena, pass }]);
        }
        Ok(())
    }

    /// An arena with the shared start of a prompt, at most `most` tokens of it, and how many came from the store.
    pub(super) fn shared(
        &self,
        crew: &Crew,
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
            self.read(crew, &mut arena, tokens, given_up)?;
            self.prefixes.store(tokens, arena.fork());
        }
        Ok((arena, cached))
    }

    pub(super) fn start(&self, written: &Written) -> Result<Start, InferenceError> {
        let tokens = self.encode(&written.whole)?;
        if tokens.is_empty() {
            return Err(self.invalid("the prompt is empty; give it at least one letter"));
        }
        let shared =
            if written.shared.is_empty() { 0 } else { common(&self.encode(&written.shared)?, &tokens) };
        Ok(Start { tokens, shared })
    }

    pub(super) fn write(&self, prompt: &crate::Prompt, shared: usize) -> Result<Written, InferenceError> {
        self.template.write(&self.vocabulary, prompt, shared).map_err(|message| self.invalid(message))
    }

    pub(super) fn encode(&self, pieces: &[Piece]) -> Result<Vec<u32>, InferenceError> {
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

    pub(super) fn fit(&self, tokens: usize) -> Result<(), InferenceError> {
        if tokens > self.context {
            return Err(InferenceError::TooLong { model: self.name.clone(), tokens, limit: self.context });
        }
        Ok(())
    }

    pub(super) fn go_on(&self, given_up: &AtomicBool) -> Result<(), InferenceError> {
        if given_up.load(Ordering::Relaxed) {
            return Err(self.invalid("given up by the caller"));
        }
        Ok(())
    }

    pub(super) fn invalid(&self, message: impl Into<String>) -> InferenceError {
        InferenceError::Invalid { model: self.name.clone(), message: message.into() }
    }
}

/// Of `rest` tokens to read, how many go into the last pass.
pub(super) fn last(rest: usize) -> usize {
    (rest - 1) % CHUNK + 1
}

/// Tokens with which both texts begin.
pub(super) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where the first of `stops` begins in `bytes`.
fn first_stop(bytes: &[u8], stops: &[String]) -> Option<usize> {
    let find = |stop: &String| bytes.windows(stop.len()).position(|window| window == stop.as_bytes());
    stops.iter().filter_map(find).min()
}
