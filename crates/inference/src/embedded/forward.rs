use super::activation::{Rotation, add, gated_silu, rms_norm};
use super::arena::Arena;
use super::attention::Attention;
use super::model::Model;
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
        let mut attention = Attention::new(shape, &pass, x.stride);
        let mut rotation = Rotation::new(&shape.frequencies, pass.positions, x.stride);
        for (i, layer) in self.layers.iter().enumerate() {
            let mut h = Columns::new(shape.width, x.stride);
            let project = |weights: &Weights, from: &Columns| {
                let mut out = Columns::new(weights.rows, from.stride);
                linear(cpu, weights, from, &mut out);
                out
            };
            rms_norm(cpu, &x.numbers, &layer.attention_norm, shape.epsilon, x.stride, &mut h.numbers);
            let mut key = project(&layer.key, &h);
            rotation.turn(cpu, &mut key.numbers, shape.head);
            let value = project(&layer.value, &h);
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
                attention = attention.only(&pass, columns);
                let positions: Vec<u32> = pass.wanted.iter().map(|&t| pass.positions[t]).collect();
                rotation = Rotation::new(&shape.frequencies, &positions, columns);
            }
            let mut query = project(&layer.query, &h);
            rotation.turn(cpu, &mut query.numbers, shape.head);
            let seen = attention.attend(cpu, arena, i, base, &query);
            add(&mut x.numbers, &project(&layer.output, &seen).numbers);
            rms_norm(cpu, &x.numbers, &layer.inner_norm, shape.epsilon, x.stride, &mut h.numbers);
            let mut gate = project(&layer.gate, &h);
            gated_silu(cpu, &mut gate.numbers, &project(&layer.up, &h).numbers);
            add(&mut x.numbers, &project(&layer.down, &gate).numbers);
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

    fn embed(&self, tokens: &[u32], stride: usize) -> Columns {
        let mut out = Columns::new(self.shape.width, stride);
        let mut row = vec![0.0; self.shape.width];
        for (t, &token) in tokens.iter().enumerate() {
            self.embedding.row(token as usize, &mut row);
            for (out, value) in out.numbers.chunks_exact_mut(stride).zip(&row) {
                out[t] = *value;
            }
        }
        out
    }
}

fn linear(cpu: Cpu, weights: &Weights, from: &Columns, out: &mut Columns) {
    if from.stride == 1 {
        multiply_vector(cpu, weights, &from.numbers, &mut out.numbers);
    } else {
        multiply(cpu, weights, &from.numbers, from.stride, &mut out.numbers);
    }
}
