use pulp::{Simd, WithSimd};

use super::activation::soften;
use super::arena::Arena;
use super::forward::{Pass, Segment, TRUNK};
use super::matrix::Matrix;
use super::product::Band;
use super::shape::Shape;
use super::simd::Cpu;
use super::weights::GROUP;

/// Queries worked on together.
const QUERIES: usize = 24;

/// Attention with grouped queries (Ainslie et al. 2023): `heads / kv_heads` query heads read one key head.
///
/// Both products of attention run through the same kernel as the weights: keys and values are its rows, queries and
/// the weights of the softmax its tokens.
pub(crate) struct Attention<'a> {
    shape: &'a Shape,
    /// Where each token of all segments belongs.
    places: Vec<Place>,
    /// For each segment, for its tokens t and j at `t * tokens + j`: 0 where t sees j, else minus infinity.
    masks: Vec<Vec<f32>>,
    /// For each token of all segments, how many of the tokens before its pass it does not see any more; empty if all
    /// see everything.
    unseen: Vec<usize>,
}

/// A token of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    segment: usize,
    token: usize,
}

impl<'a> Attention<'a> {
    /// For all tokens of `segments`. With a `window`, a token sees itself and the `window - 1` before it.
    pub(crate) fn new(shape: &'a Shape, segments: &[Segment<'_>], window: Option<u32>) -> Self {
        let places = |(segment, s): (usize, &Segment<'_>)| {
            (0..s.pass.tokens.len()).map(move |token| Place { segment, token })
        };
        let mask = |s: &Segment<'_>| {
            let Pass { branches, positions, .. } = s.pass;
            let near = |t: usize, j: usize| {
                window.is_none_or(|window| positions[t].saturating_sub(positions[j]) < window)
            };
            let sees = |t, j| j <= t && (branches[j] == TRUNK || branches[j] == branches[t]) && near(t, j);
            let cell = |t, j| if sees(t, j) { 0.0 } else { f32::NEG_INFINITY };
            (0..branches.len()).flat_map(|t| (0..branches.len()).map(move |j| cell(t, j))).collect()
        };
        Self {
            shape,
            places: segments.iter().enumerate().flat_map(places).collect(),
            masks: segments.iter().map(mask).collect(),
            unseen: window.map_or_else(Vec::new, |window| {
                let positions = segments.iter().flat_map(|s| s.pass.positions);
                positions.map(|at| (at + 1).saturating_sub(window) as usize).collect()
            }),
        }
    }

    /// What the turned and scaled queries of tokens `of` read in layer `layer` of their arenas.
    pub(crate) fn attend(
        &self,
        cpu: Cpu,
        arenas: &[&Arena],
        layer: usize,
        of: &[usize],
        query: &Matrix,
    ) -> Matrix {
        let mut out = Matrix::new(of.len(), self.shape.heads * self.shape.head);
        let mut first = 0;
        for same in of.chunk_by(|&a, &b| self.places[a].segment == self.places[b].segment) {
            for tokens in same.chunks(QUERIES) {
                let rows = first * query.stride..(first + tokens.len()) * query.stride;
                let written = first * out.stride..(first + tokens.len()) * out.stride;
                cpu.run(Attend {
                    attention: self,
                    arena: arenas[self.places[tokens[0]].segment],
                    layer,
                    tokens,
                    query: &query.numbers[rows],
                    out: &mut out.numbers[written],
                });
                first += tokens.len();
            }
        }
        out
    }
}

/// Attention of a few tokens of one segment.
struct Attend<'a> {
    attention: &'a Attention<'a>,
    arena: &'a Arena,
    layer: usize,
    tokens: &'a [usize],
    query: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { attention, arena, layer, tokens, query, out } = self;
        let Shape { heads, kv_heads, head, .. } = *attention.shape;
        let (query_stride, out_stride) = (query.len() / tokens.len(), out.len() / tokens.len());
        let (group, padded) = (heads / kv_heads, head.next_multiple_of(GROUP));
        let total: usize = arena.pieces(layer).map(|p| p.tokens).sum();
        // A piece's last block writes past the piece, where the next piece writes then, or nobody reads.
        let stride = total + GROUP;
        // A token alone takes all heads of a group together, as if they were tokens: fewer and fuller rounds.
        let (rounds, rows, x_stride) =
            if tokens.len() == 1 { (kv_heads, group, head) } else { (heads, tokens.len(), query_stride) };
        let mut scores = vec![0.0; rows * stride];
        let mut read = vec![0.0; rows * padded];
        let mut sums = vec![0.0; rows];
        for round in 0..rounds {
            let (key_head, from) =
                if tokens.len() == 1 { (round, round * group * head) } else { (round / group, round * head) };
            let mut at = 0;
            for piece in arena.pieces(layer) {
                for (block, keys) in piece.keys.chunks_exact(kv_heads * head).enumerate() {
                    let band = Band {
                        lines: keys[key_head * head..(key_head + 1) * head].as_flattened(),
                        step: GROUP,
                        depth: head,
                        x: &query[from..],
                        x_stride,
                        out_stride: stride,
                        tokens: rows,
                        fresh: true,
                    };
                    band.add_to(simd, &mut scores[at + block * GROUP..]);
                }
                at += piece.tokens;
            }
            for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
                let of = if tokens.len() == 1 { tokens[0] } else { tokens[row] };
                let Place { segment, token } = attention.places[of];
                let mask = &attention.masks[segment];
                let own = mask.len().isqrt();
                let scores = &mut scores[..total];
                for (score, mask) in scores[total - own..].iter_mut().zip(&mask[token * own..]) {
                    *score += mask;
                }
                if let Some(&unseen) = attention.unseen.get(of) {
                    scores[..unseen.min(total - own)].fill(f32::NEG_INFINITY);
                }
                soften::<S>(scores);
            }
            sum_rows(&scores, stride, total, &mut sums);
            for feature in (0..padded).step_by(GROUP) {
                let mut at = 0;
                for piece in arena.pieces(layer) {
                    let band = Band {
                        lines: &piece.values[key_head * padded + feature..],
                        step: kv_heads * padded,
                        depth: piece.tokens,
                        x: &scores[at..],
                        x_stride: stride,
                        out_stride: padded,
                        tokens: rows,
                        fresh: at == 0,
                    };
                    band.add_to(simd, &mut read[feature..]);
                    at += piece.tokens;
                }
            }
            for (row, (read, sum)) in read.chunks_exact(padded).zip(&sums).enumerate() {
                let at = if tokens.len() == 1 { from + row * head } else { row * out_stride + from };
                for (out, read) in out[at..at + head].iter_mut().zip(read) {
                    *out = read / sum;
                }
            }
        }
    }
}

/// Sums the first `length` numbers of each row one by one: masked zeros then change no bit, wherever they stand.
#[inline(always)]
fn sum_rows(rows: &[f32], stride: usize, length: usize, sums: &mut [f32]) {
    /// Rows summed side by side, so that they wait together.
    const ROWS: usize = 8;
    let (eights, rest) = sums.as_chunks_mut::<ROWS>();
    let full = eights.len() * ROWS * stride;
    for (rows, sums) in rows.chunks_exact(ROWS * stride).zip(eights) {
        let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &rows[r * stride..][..length]);
        let mut total = [0.0; ROWS];
        for j in 0..length {
            for (total, row) in total.iter_mut().zip(rows) {
                *total += row[j];
            }
        }
        *sums = total;
    }
    for (row, sum) in rows[full..].chunks_exact(stride).zip(rest) {
        *sum = row[..length].iter().sum();
    }
}
