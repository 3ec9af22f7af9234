use super::activation::{Rotation, add, gated_silu, rms_norm};
use super::arena::Arena;
use super::attention::Attention;
use super::gelu::gated_gelu;
use super::model::{Model, Projection};
use super::product::multiply;
use super::simd::Cpu;
use super::vector::multiply_vector;
use super::weights::Weights;

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
    /// Whether this is one token on the way of writing: then the vector path runs, which rounds otherwise.
    pub(crate) step: bool,
}

/// A feature-major matrix: element (feature, token) lies at `feature * stride + token`.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) numbers: Vec<f32>,
    pub(crate) stride: usize,
}

impl Columns {
    fn new(features: usize, stride: usize) -> Self {
        Self { numbers: vec![0.0; features * stride], stride }
    }

    /// The columns `wanted`, padded to `stride`.
    fn gather(&self, wanted: &[usize], stride: usize) -> Self {
        let mut out = Self::new(self.numbers.len() / self.stride, stride);
        for (row, out) in self.numbers.chunks_exact(self.stride).zip(out.numbers.chunks_exact_mut(stride)) {
            for (out, &t) in out.iter_mut().zip(wanted) {
                *out = row[t];
            }
        }
        out
    }
}

impl Model {
    /// An empty arena for this model.
    pub(crate) fn arena(&self) -> Arena {
        Arena::new(self.layers.len(), self.shape.kv_heads * self.shape.head)
    }

    /// Evaluates `pass` and returns the final descriptions of the wanted tokens. Trunk tokens stay in `arena`.
    ///
    /// Token ids must be below the vocabulary's size. Takes one thread.
    pub(crate) fn forward(&self, cpu: Cpu, arena: &mut Arena, pass: Pass<'_>) -> Columns {
        let shape = &self.shape;
        let base = arena.len();
        let trunk = pass.branches.iter().filter(|&&b| b == TRUNK).count();
        let stride = |tokens: usize| if pass.step { 1 } else { tokens.next_multiple_of(cpu.lanes()) };
        let mut x = self.embed(pass.tokens, stride(pass.tokens.len()));
        let everything = 0..pass.tokens.len();
        let mut views = self.views(&pass, &everything.collect::<Vec<_>>(), x.stride);
        for (i, layer) in self.layers.iter().enumerate() {
            let mut h = Columns::new(shape.width, x.stride);
            let project = |weights: &Weights, from: &Columns| {
                let mut out = Columns::new(weights.rows, from.stride);
                linear(cpu, weights, from, &mut out);
                out
            };
            let near = usize::from(shape.is_near(i));
            rms_norm(cpu, &x.numbers, &layer.attention_norm, shape.epsilon, x.stride, &mut h.numbers);
            let mut key = biased(project(&layer.key.weights, &h), &layer.key);
            self.norm_heads(cpu, layer.head_norms.as_ref().map(|(_, key)| key), &mut key);
            views[near].rotation.turn(cpu, &mut key.numbers, shape.head);
            let value = biased(project(&layer.value.weights, &h), &layer.value);
            arena.append(i, &key.numbers, &value.numbers, h.stride, pass.tokens.len());
            if i + 1 == self.layers.len() && pass.wanted.len() < pass.tokens.len() {
                // Above the last keys and values only the wanted tokens matter.
                if pass.wanted.is_empty() {
                    arena.truncate(base + trunk);
                    return Columns::new(shape.width, 0);
                }
                let columns = stride(pass.wanted.len());
                x = x.gather(pass.wanted, columns);
                h = h.gather(pass.wanted, columns);
                views = self.views(&pass, pass.wanted, columns);
            }
            let View { rotation, attention } = &views[near];
            let mut query = biased(project(&layer.query.weights, &h), &layer.query);
            self.norm_heads(cpu, layer.head_norms.as_ref().map(|(query, _)| query), &mut query);
            rotation.turn(cpu, &mut query.numbers, shape.head);
            let seen = attention.attend(cpu, arena, i, base, &query);
            let said = project(&layer.output, &seen);
            self.say(cpu, layer.after_attention.as_ref(), &said, &mut x);
            rms_norm(cpu, &x.numbers, &layer.inner_norm, shape.epsilon, x.stride, &mut h.numbers);
            let mut gate = project(&layer.gate, &h);
            let up = project(&layer.up, &h);
            if self.family.gelu {
                gated_gelu(cpu, &mut gate.numbers, &up.numbers);
            } else {
                gated_silu(cpu, &mut gate.numbers, &up.numbers);
            }
            self.say(cpu, layer.after_inner.as_ref(), &project(&layer.down, &gate), &mut x);
        }
        arena.truncate(base + trunk);
        let mut out = Columns::new(shape.width, x.stride);
        rms_norm(cpu, &x.numbers, &self.norm, shape.epsilon, x.stride, &mut out.numbers);
        out
    }

    /// The logits of every token of the vocabulary for each column.
    pub(crate) fn logits(&self, cpu: Cpu, described: &Columns) -> Columns {
        let weights = self.output.as_ref().unwrap_or(&self.embedding);
        let mut out = Columns::new(weights.rows, described.stride);
        linear(cpu, weights, described, &mut out);
        out
    }

    /// One column alone, for the vector path.
    pub(crate) fn column(described: &Columns, column: usize) -> Columns {
        described.gather(&[column], 1)
    }

    /// How the tokens `columns` of a pass see: layers that see everything first, then those that see nearby tokens.
    fn views<'a>(&'a self, pass: &Pass<'_>, columns: &[usize], stride: usize) -> Vec<View<'a>> {
        let shape = &self.shape;
        let positions: Vec<u32> = columns.iter().map(|&t| pass.positions[t]).collect();
        let view = |frequencies: &[f64], window| View {
            rotation: Rotation::new(frequencies, &positions, stride),
            attention: Attention::new(shape, pass, columns, stride, window),
        };
        let mut views = vec![view(&shape.frequencies, None)];
        views.extend(shape.near.as_ref().map(|near| view(&near.frequencies, Some(near.window))));
        views
    }

    /// Norms each head of `x`, if there are gains to do it with.
    fn norm_heads(&self, cpu: Cpu, gains: Option<&Vec<f32>>, x: &mut Columns) {
        if let Some(gains) = gains {
            let plain = x.numbers.clone();
            let heads = gains.len() * x.stride;
            for (from, to) in plain.chunks_exact(heads).zip(x.numbers.chunks_exact_mut(heads)) {
                rms_norm(cpu, from, gains, self.shape.epsilon, x.stride, to);
            }
        }
    }

    /// Adds what a part of a layer said to `x`, normed if there are gains.
    fn say(&self, cpu: Cpu, gains: Option<&Vec<f32>>, said: &Columns, x: &mut Columns) {
        match gains {
            None => add(&mut x.numbers, &said.numbers),
            Some(gains) => {
                let mut normed = vec![0.0; said.numbers.len()];
                rms_norm(cpu, &said.numbers, gains, self.shape.epsilon, said.stride, &mut normed);
                add(&mut x.numbers, &normed);
            }
        }
    }

    fn embed(&self, tokens: &[u32], stride: usize) -> Columns {
        let mut out = Columns::new(self.shape.width, stride);
        let mut row = vec![0.0; self.shape.width];
        for (t, &token) in tokens.iter().enumerate() {
            self.embedding.row(token as usize, &mut row);
            if let Some(scale) = self.shape.embedding_scale {
                for value in &mut row {
                    *value *= scale;
                }
            }
            for (out, value) in out.numbers.chunks_exact_mut(stride).zip(&row) {
                out[t] = *value;
            }
        }
        out
    }
}

/// How tokens of a pass see what came before them.
struct View<'a> {
    rotation: Rotation,
    attention: Attention<'a>,
}

fn biased(mut x: Columns, by: &Projection) -> Columns {
    if let Some(bias) = &by.bias {
        for (row, bias) in x.numbers.chunks_exact_mut(x.stride).zip(bias) {
            for value in row {
                *value += bias;
            }
        }
    }
    x
}

fn linear(cpu: Cpu, weights: &Weights, from: &Columns, out: &mut Columns) {
    if from.stride == 1 {
        multiply_vector(cpu, weights, &from.numbers, &mut out.numbers);
    } else {
        multiply(cpu, weights, &from.numbers, from.stride, &mut out.numbers);
    }
}
