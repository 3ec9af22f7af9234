use super::activation::{Rotation, add, gated_silu, rms_norm};
use super::arena::Arena;
use super::attention::Attention;
use super::crew::Crew;
use super::gelu::gated_gelu;
use super::matrix::Matrix;
use super::model::{Layer, Model, Projection};
use super::product::{TOKENS, multiply, multiply_part};
use super::simd::Cpu;
use super::weights::{GROUP, Weights};

/// The branch of tokens that every later token sees.
pub(crate) const TRUNK: u32 = 0;

/// Tokens to evaluate in one go, after what an arena already holds.
///
/// A token sees the arena, the trunk tokens before it, and the tokens before it on its own branch. So several
/// continuations of one text are evaluated together, each as if it stood alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    /// What to read.
    pub(crate) tokens: &'a [u32],
    /// For each token, where it stands in its own text.
    pub(crate) positions: &'a [u32],
    /// For each token, [`TRUNK`] or the number of its branch. Trunk tokens come first.
    pub(crate) branches: &'a [u32],
    /// Which tokens' descriptions to return, in ascending order.
    pub(crate) wanted: &'a [usize],
}

/// One text's part of a joint evaluation.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    /// What it has read so far; trunk tokens are added.
    pub(crate) arena: &'a mut Arena,
    /// What to read now.
    pub(crate) pass: Pass<'a>,
}

/// Some tokens of a pass, worked on by one thread.
struct Share<'a> {
    /// Their numbers in the pass.
    tokens: &'a [usize],
    /// Their descriptions.
    x: &'a mut [f32],
    /// Their keys and values.
    keys: &'a mut [f32],
    values: &'a mut [f32],
}

/// What all layers of a pass use.
struct Reading<'a> {
    model: &'a Model,
    cpu: Cpu,
    /// Threads for a single token.
    crew: &'a Crew,
    /// How layers see that see everything, then those that see nearby tokens.
    views: Vec<View<'a>>,
}

/// How tokens see what came before them.
struct View<'a> {
    attention: Attention<'a>,
    rotation: Rotation,
}

impl Model {
    /// An empty arena for this model.
    pub(crate) fn arena(&self) -> Arena {
        Arena::new(self.layers.len(), self.shape.kv_heads, self.shape.head)
    }

    /// Evaluates `segments` together and returns the final descriptions of the wanted tokens, in order. Trunk tokens
    /// stay in the arenas.
    ///
    /// Token ids must be below the vocabulary's size, and there must be at least one token. What is computed for a
    /// token does not depend on other segments or on the number of threads.
    pub(crate) fn forward(&self, cpu: Cpu, crew: &Crew, segments: &mut [Segment<'_>]) -> Matrix {
        let shape = &self.shape;
        let reading = Reading { model: self, cpu, crew, views: self.views(segments) };
        let mut x = self.embed(segments.iter().flat_map(|s| s.pass.tokens));
        let mut tokens: Vec<usize> = (0..x.tokens()).collect();
        let width = self.layers.first().map_or(1, |layer| layer.key.weights.padded());
        let mut keys = Matrix::new(tokens.len(), width);
        let mut values = Matrix::new(tokens.len(), width);
        for (i, layer) in self.layers.iter().enumerate() {
            crew.each(shares(crew, &tokens, &mut x, &mut keys, &mut values), |mut share| {
                reading.remember(i, layer, &mut share);
            });
            let mut first = 0;
            for segment in segments.iter_mut() {
                let rows = first * width..(first + segment.pass.tokens.len()) * width;
                segment.arena.append(i, &keys.numbers[rows.clone()], &values.numbers[rows], width);
                first += segment.pass.tokens.len();
            }
            if i + 1 == self.layers.len() {
                // Above the last keys and values only the wanted tokens matter.
                tokens = wanted(segments);
                x = x.only(&tokens);
            }
            let arenas: Vec<&Arena> = segments.iter().map(|s| &*s.arena).collect();
            crew.each(shares(crew, &tokens, &mut x, &mut keys, &mut values), |share| {
                reading.think(i, layer, &arenas, share);
            });
        }
        for segment in segments {
            let branched = segment.pass.branches.iter().filter(|&&b| b != TRUNK).count();
            segment.arena.truncate(segment.arena.len() - branched);
        }
        let mut out = Matrix::new(tokens.len(), x.stride);
        rms_norm(cpu, &x.numbers, &self.norm, shape.epsilon, x.stride, &mut out.numbers);
        out
    }

    /// The logits of every token of the vocabulary for each described token, and a few numbers without meaning beyond.
    pub(crate) fn logits(&self, cpu: Cpu, crew: &Crew, described: &Matrix) -> Matrix {
        let weights = self.output.as_ref().unwrap_or(&self.embedding);
        let mut out = Matrix::new(described.tokens(), weights.padded());
        let (tokens, threads) = (described.tokens(), crew.threads());
        if tokens < 2 || threads < 2 {
            linear(cpu, crew, weights, described, &mut out);
            return out;
        }
        let each = tokens.div_ceil(threads);
        let parts = described.numbers.chunks(each * described.stride);
        crew.each(parts.zip(out.numbers.chunks_mut(each * weights.padded())).collect(), |(x, out)| {
            multiply(cpu, weights, x, x.len() / described.stride, out);
        });
        out
    }

    fn views<'a>(&'a self, segments: &[Segment<'_>]) -> Vec<View<'a>> {
        let shape = &self.shape;
        let view = |frequencies: &[f64], window| {
            let positions = segments.iter().flat_map(|s| s.pass.positions.iter().copied());
            View {
                attention: Attention::new(shape, segments, window),
                rotation: Rotation::new(frequencies, positions),
            }
        };
        let mut views = vec![view(&shape.frequencies, None)];
        views.extend(shape.near.as_ref().map(|near| view(&near.frequencies, Some(near.window))));
        views
    }

    fn embed<'t>(&self, tokens: impl Iterator<Item = &'t u32>) -> Matrix {
        let mut out = Matrix { numbers: Vec::new(), stride: self.shape.width };
        for token in tokens {
            let start = out.numbers.len();
            out.numbers.resize(start + out.stride, 0.0);
            let row = &mut out.numbers[start..];
            self.embedding.row(*token as usize, row);
            if let Some(scale) = self.shape.embedding_scale {
                for value in row {
                    *value *= scale;
                }
            }
        }
        out
    }
}

impl<'a> Reading<'a> {
    /// How layer `number` sees.
    fn view(&self, number: usize) -> &View<'a> {
        &self.views[usize::from(self.model.shape.is_near(number))]
    }

    /// Keys and values of a layer.
    fn remember(&self, number: usize, layer: &Layer, share: &mut Share<'_>) {
        let (shape, count) = (&self.model.shape, share.tokens.len());
        let h = self.normal(share.x, count, &layer.attention_norm);
        self.project_to(&layer.key, &h, share.keys);
        self.project_to(&layer.value, &h, share.values);
        for (key, &token) in share.keys.chunks_exact_mut(layer.key.weights.padded()).zip(share.tokens) {
            let key = &mut key[..shape.kv_heads * shape.head];
            self.norm_heads(layer.head_norms.as_ref().map(|(_, key)| key), key);
            self.view(number).rotation.turn(token, key, shape.head, shape.kv_heads);
        }
    }

    /// The rest of a layer: attention, then the feed-forward part.
    fn think(&self, number: usize, layer: &Layer, arenas: &[&Arena], share: Share<'_>) {
        let (shape, count) = (&self.model.shape, share.tokens.len());
        let View { attention, rotation } = self.view(number);
        let x = share.x;
        let scale = 1.0 / (shape.head as f32).sqrt();
        let mut query = Matrix::new(count, layer.query.weights.padded());
        self.project_to(&layer.query, &self.normal(x, count, &layer.attention_norm), &mut query.numbers);
        for (query, &token) in query.numbers.chunks_exact_mut(query.stride).zip(share.tokens) {
            let query = &mut query[..shape.heads * shape.head];
            self.norm_heads(layer.head_norms.as_ref().map(|(query, _)| query), query);
            rotation.turn(token, query, shape.head, shape.heads);
            for q in query {
                *q *= scale;
            }
        }
        let seen = attention.attend(self.cpu, arenas, number, share.tokens, &query);
        self.say(layer.after_attention.as_deref(), &self.project(&layer.output, &seen), x);
        let h = self.normal(x, count, &layer.inner_norm);
        let (mut gate, up) = (self.project(&layer.gate, &h), self.project(&layer.up, &h));
        if self.model.family.gelu {
            gated_gelu(self.cpu, &mut gate.numbers, &up.numbers);
        } else {
            gated_silu(self.cpu, &mut gate.numbers, &up.numbers);
        }
        self.say(layer.after_inner.as_deref(), &self.project(&layer.down, &gate), x);
    }

    fn normal(&self, x: &[f32], count: usize, gains: &[f32]) -> Matrix {
        let mut out = Matrix::new(count, self.model.shape.width);
        rms_norm(self.cpu, x, gains, self.model.shape.epsilon, out.stride, &mut out.numbers);
        out
    }

    /// Norms each head of one token, if there are gains to do it with.
    fn norm_heads(&self, gains: Option<&Vec<f32>>, heads: &mut [f32]) {
        if let Some(gains) = gains {
            let plain = heads.to_vec();
            rms_norm(self.cpu, &plain, gains, self.model.shape.epsilon, gains.len(), heads);
        }
    }

    /// Adds what a part of a layer said to `x`, normed if there are gains.
    fn say(&self, gains: Option<&[f32]>, said: &Matrix, x: &mut [f32]) {
        let width = self.model.shape.width;
        match gains {
            None => add(x, width, &said.numbers, said.stride),
            Some(gains) => {
                let mut normed = Matrix::new(said.tokens(), said.stride);
                let epsilon = self.model.shape.epsilon;
                rms_norm(self.cpu, &said.numbers, gains, epsilon, said.stride, &mut normed.numbers);
                add(x, width, &normed.numbers, normed.stride);
            }
        }
    }

    fn project(&self, weights: &Weights, from: &Matrix) -> Matrix {
        let mut out = Matrix::new(from.tokens(), weights.padded());
        multiply_rows(self.cpu, self.crew, weights, from, &mut out.numbers);
        out
    }

    fn project_to(&self, by: &Projection, from: &Matrix, out: &mut [f32]) {
        multiply_rows(self.cpu, self.crew, &by.weights, from, out);
        if let Some(bias) = &by.bias {
            for row in out.chunks_exact_mut(by.weights.padded()) {
                for (value, bias) in row.iter_mut().zip(bias) {
                    *value += bias;
                }
            }
        }
    }
}

fn multiply_rows(cpu: Cpu, crew: &Crew, weights: &Weights, from: &Matrix, out: &mut [f32]) {
    if from.tokens() > 1 || crew.threads() == 1 {
        multiply(cpu, weights, &from.numbers, from.tokens(), out);
        return;
    }
    // A single token has no company to share the work with: the rows are shared out instead.
    let groups = (out.len() / GROUP).div_ceil(crew.threads());
    let parts = out.chunks_mut(groups * GROUP).enumerate().collect();
    crew.each(parts, |(i, out)| multiply_part(cpu, weights, i * groups, &from.numbers, out));
}

fn linear(cpu: Cpu, crew: &Crew, weights: &Weights, from: &Matrix, out: &mut Matrix) {
    multiply_rows(cpu, crew, weights, from, &mut out.numbers);
}

/// The wanted tokens of all segments, counted over all.
fn wanted(segments: &[Segment<'_>]) -> Vec<usize> {
    let mut first = 0;
    let mut out = Vec::new();
    for segment in segments {
        out.extend(segment.pass.wanted.iter().map(|w| first + w));
        first += segment.pass.tokens.len();
    }
    out
}

/// Cuts the work on `tokens` into shares for all threads, each small enough for the caches.
fn shares<'a>(
    crew: &Crew,
    tokens: &'a [usize],
    x: &'a mut Matrix,
    keys: &'a mut Matrix,
    values: &'a mut Matrix,
) -> Vec<Share<'a>> {
    let parts = tokens.len().div_ceil(TOKENS).next_multiple_of(crew.threads()).max(1);
    let each = tokens.len().div_ceil(parts).max(1);
    let x = x.numbers.chunks_mut(each * x.stride);
    let keys = keys.numbers.chunks_mut(each * keys.stride);
    let values = values.numbers.chunks_mut(each * values.stride);
    let parts = tokens.chunks(each).zip(x).zip(keys.zip(values));
    parts.map(|((tokens, x), (keys, values))| Share { tokens, x, keys, values }).collect()
}
