use pulp::{Simd, WithSimd};

use super::activation::soften;
use super::arena::Arena;
use super::forward::{Columns, Pass, TRUNK};
use super::product::Product;
use super::shape::Shape;
use super::simd::{Cpu, exp, madd, madd1};
use super::vector::dot;
use super::weights::{SingleColumns, SingleRows};

/// Attention with grouped queries (Ainslie et al. 2023): `heads / kv_heads` query heads read one key head.
///
/// The queries of a group stand side by side as columns, so both products of attention run through the same kernel
/// as the weights.
pub(crate) struct Attention<'a> {
    shape: &'a Shape,
    /// For token j of the pass and column t: 0 where t sees j, else minus infinity.
    mask: Vec<f32>,
    stride: usize,
    /// For each column, how many of the tokens before the pass it does not see any more; empty if it sees them all.
    unseen: Vec<usize>,
}

impl<'a> Attention<'a> {
    /// For the tokens `columns` of a pass. With a `window`, a token sees itself and the `window - 1` before it.
    pub(crate) fn new(
        shape: &'a Shape,
        pass: &Pass<'_>,
        columns: &[usize],
        stride: usize,
        window: Option<u32>,
    ) -> Self {
        let unseen = window.map_or_else(Vec::new, |window| {
            columns.iter().map(|&t| (pass.positions[t] + 1).saturating_sub(window) as usize).collect()
        });
        Self { shape, mask: mask(pass, columns, stride, window), stride, unseen }
    }

    /// What the turned queries read in layer `layer` of `arena`, of which tokens from `base` on are the pass's own.
    pub(crate) fn attend(
        &self,
        cpu: Cpu,
        arena: &Arena,
        layer: usize,
        base: usize,
        query: &Columns,
    ) -> Columns {
        let Shape { heads, kv_heads, head, .. } = *self.shape;
        let mut out = Columns { numbers: vec![0.0; heads * head * self.stride], stride: self.stride };
        if self.stride == 1 {
            cpu.run(One { attention: self, arena, layer, query: &query.numbers, out: &mut out.numbers });
            return out;
        }
        let group = heads / kv_heads;
        let wide = group * self.stride;
        let block = head * self.stride;
        let scale = 1.0 / (head as f32).sqrt();
        let total: usize = arena.pieces(layer).map(|p| p.tokens).sum();
        let mut queries = vec![0.0; head * wide];
        let mut scores = vec![0.0; total * wide];
        let mut read = vec![0.0; head * wide];
        let mut sums = Vec::new();
        let width = kv_heads * head;
        for g in 0..kv_heads {
            let own = g * group * block..(g + 1) * group * block;
            for (member, from) in query.numbers[own.clone()].chunks_exact(block).enumerate() {
                let to = queries.chunks_exact_mut(wide);
                for (to, from) in to.zip(from.chunks_exact(self.stride)) {
                    for (to, from) in to[member * self.stride..].iter_mut().zip(from) {
                        *to = from * scale;
                    }
                }
            }
            let mut row = 0;
            for piece in arena.pieces(layer) {
                cpu.run(Product {
                    rows: SingleRows { values: piece.keys, offset: g * head, stride: width },
                    count: piece.tokens,
                    depth: head,
                    x: &queries,
                    stride: wide,
                    out: &mut scores[row * wide..(row + piece.tokens) * wide],
                    accumulate: false,
                });
                row += piece.tokens;
            }
            let masked =
                scores[base * wide..].chunks_exact_mut(wide).zip(self.mask.chunks_exact(self.stride));
            for (scores, mask) in masked {
                for scores in scores.chunks_exact_mut(self.stride) {
                    for (score, mask) in scores.iter_mut().zip(mask) {
                        *score += mask;
                    }
                }
            }
            for (t, &unseen) in self.unseen.iter().enumerate() {
                for scores in scores.chunks_exact_mut(wide).take(unseen.min(base)) {
                    for member in 0..group {
                        scores[member * self.stride + t] = f32::NEG_INFINITY;
                    }
                }
            }
            soften(cpu, &mut scores, wide, &mut sums);
            read.fill(0.0);
            let mut row = 0;
            for piece in arena.pieces(layer) {
                cpu.run(Product {
                    rows: SingleColumns { values: piece.values, offset: g * head, stride: width },
                    count: head,
                    depth: piece.tokens,
                    x: &scores[row * wide..(row + piece.tokens) * wide],
                    stride: wide,
                    out: &mut read,
                    accumulate: true,
                });
                row += piece.tokens;
            }
            for (member, to) in out.numbers[own].chunks_exact_mut(block).enumerate() {
                let columns = member * self.stride..(member + 1) * self.stride;
                for (to, from) in to.chunks_exact_mut(self.stride).zip(read.chunks_exact(wide)) {
                    for ((to, from), sum) in
                        to.iter_mut().zip(&from[columns.clone()]).zip(&sums[columns.clone()])
                    {
                        *to = from / sum;
                    }
                }
            }
        }
        out
    }
}

fn mask(pass: &Pass<'_>, columns: &[usize], stride: usize, window: Option<u32>) -> Vec<f32> {
    let mut mask = vec![0.0; pass.tokens.len() * stride];
    for (j, row) in mask.chunks_exact_mut(stride).enumerate() {
        for (cell, &t) in row.iter_mut().zip(columns) {
            let sees = j <= t && (pass.branches[j] == TRUNK || pass.branches[j] == pass.branches[t]);
            let near = |window| pass.positions[t].saturating_sub(pass.positions[j]) < window;
            if !sees || !window.is_none_or(near) {
                *cell = f32::NEG_INFINITY;
            }
        }
    }
    mask
}

/// Attention of a single token to everything before it.
struct One<'a> {
    attention: &'a Attention<'a>,
    arena: &'a Arena,
    layer: usize,
    query: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for One<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape { heads, kv_heads, head, .. } = *self.attention.shape;
        let scale = 1.0 / (head as f32).sqrt();
        let width = kv_heads * head;
        let total: usize = self.arena.pieces(self.layer).map(|p| p.tokens).sum();
        let unseen = self.attention.unseen.first().copied().unwrap_or(0);
        let mut scores = vec![0.0_f32; total];
        let each = self.query.chunks_exact(head).zip(self.out.chunks_exact_mut(head)).enumerate();
        for (h, (query, out)) in each {
            let from = h / (heads / kv_heads) * head;
            // Loops instead of iterator closures: a closure that is not inlined would lose the instruction set.
            let mut top = f32::NEG_INFINITY;
            let mut j = 0;
            for piece in self.arena.pieces(self.layer) {
                for key in piece.keys.chunks_exact(width) {
                    let score = if j < unseen {
                        f32::NEG_INFINITY
                    } else {
                        dot(simd, query, &key[from..from + head]) * scale
                    };
                    top = if score > top { score } else { top };
                    scores[j] = score;
                    j += 1;
                }
            }
            for score in &mut scores {
                *score = exp::<S>(*score - top);
            }
            let mut sum = 0.0;
            let mut j = 0;
            for piece in self.arena.pieces(self.layer) {
                for value in piece.values.chunks_exact(width) {
                    let weight = simd.splat_f32s(scores[j]);
                    sum += scores[j];
                    j += 1;
                    let value = &value[from..from + head];
                    let (wide, narrow) = S::as_mut_simd_f32s(out);
                    let (wide_value, narrow_value) = S::as_simd_f32s(value);
                    for (out, value) in wide.iter_mut().zip(wide_value) {
                        *out = madd(simd, weight, *value, *out);
                    }
                    for (out, value) in narrow.iter_mut().zip(narrow_value) {
                        *out = madd1::<S>(scores[j - 1], *value, *out);
                    }
                }
            }
            for out in out {
                *out /= sum;
            }
        }
    }
}
