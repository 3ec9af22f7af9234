use pulp::Simd;

use super::product::Band;
use super::simd::madd;
use super::weights::{BLOCK, GROUP, Line, half_to_single};

/// Elements unpacked at once where a product with one vector does not read the packed form itself.
const PIECE: usize = 4 * BLOCK;

/// Groups of rows of a matrix, in whatever form, that a product reads piece by piece.
pub(crate) trait Groups {
    /// Writes elements `from..from + lines.len()` of group `group`, of a matrix with `columns` columns. Packed forms
    /// need `columns`, `from` and the number of lines to be multiples of 32.
    fn fill<S: Simd>(&self, simd: S, columns: usize, group: usize, from: usize, lines: &mut [Line]);

    /// Writes the products of the groups from `first` on with one vector, each a chain of multiply-adds in ascending
    /// order of elements.
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, first: usize, x: &[f32], out: &mut [Line]) {
        let mut lines = [[0.0; GROUP]; PIECE];
        for (g, out) in out.iter_mut().enumerate() {
            for (i, piece) in x.chunks(PIECE).enumerate() {
                let lines = &mut lines[..piece.len()];
                self.fill(simd, x.len(), first + g, i * PIECE, lines);
                let band = Band {
                    lines: lines.as_flattened(),
                    step: GROUP,
                    depth: piece.len(),
                    x: piece,
                    x_stride: piece.len(),
                    out_stride: GROUP,
                    tokens: 1,
                    fresh: i == 0,
                };
                band.add_to(simd, out);
            }
        }
    }
}

/// Weights `quant * scale + shift` with unsigned quants of `BITS` bits, group by group, in each block by block: the
/// memory is read once and straight on.
#[derive(Debug)]
pub(crate) struct Packed<const BITS: usize, N>(Vec<Block<BITS, N>>);

/// Thirty-two weights of each row of a group.
#[derive(Clone, Copy, Debug)]
struct Block<const BITS: usize, N> {
    /// `32 / BITS` consecutive quants of each row, the first in the lowest bits; so `BITS` words make a block.
    words: [[u32; GROUP]; BITS],
    scales: [N; GROUP],
    shifts: [N; GROUP],
}

/// How a scale is held.
pub(crate) trait Number: Copy + Default + Send + Sync {
    /// Its value.
    fn widen(self) -> f32;
}

impl Number for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

/// Bits of IEEE half precision: writing token by token is as fast as memory is read, and this reads less of it.
impl Number for u16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        half_to_single(self)
    }
}

#[inline(always)]
fn widen<N: Number>(numbers: &[N; GROUP]) -> Line {
    let mut line = [0.0; GROUP];
    for (out, number) in line.iter_mut().zip(numbers) {
        *out = number.widen();
    }
    line
}

impl<const BITS: usize, N: Number> Packed<BITS, N> {
    /// Quants in a word.
    const EACH: usize = BLOCK / BITS;

    /// Packs row-major blocks of 32; `unpack` writes a block's quants and returns its scale and shift.
    pub(crate) fn new<B>(
        columns: usize,
        blocks: &[B],
        unpack: impl Fn(&B, &mut [u8; BLOCK]) -> (N, N),
    ) -> Self {
        let each = columns / BLOCK;
        let rows = blocks.chunks_exact(each.max(1));
        let zeros =
            Block { words: [[0; GROUP]; BITS], scales: [N::default(); GROUP], shifts: [N::default(); GROUP] };
        let mut out = vec![zeros; rows.len().div_ceil(GROUP) * each];
        let mut quants = [0; BLOCK];
        for (r, row) in rows.enumerate() {
            let lane = r % GROUP;
            for (block, out) in row.iter().zip(&mut out[r / GROUP * each..]) {
                (out.scales[lane], out.shifts[lane]) = unpack(block, &mut quants);
                for (word, quants) in out.words.iter_mut().zip(quants.chunks_exact(Self::EACH)) {
                    for quant in quants.iter().rev() {
                        word[lane] = (word[lane] << BITS) | u32::from(*quant);
                    }
                }
            }
        }
        Self(out)
    }
}

/// The lowest quant of each word, as a number.
///
/// A small integer under the exponent of 2^23 is that integer behind the point; taking 2^23 away leaves it exactly.
#[inline(always)]
fn lowest<S: Simd, const BITS: usize>(simd: S, words: S::u32s) -> S::f32s {
    const EXPONENT: f32 = 8_388_608.0;
    let quants = simd.and_u32s(words, simd.splat_u32s((1 << BITS) - 1));
    let placed = simd.or_u32s(quants, simd.splat_u32s(EXPONENT.to_bits()));
    simd.sub_f32s(simd.transmute_f32s_u32s(placed), simd.splat_f32s(EXPONENT))
}

#[inline(always)]
fn next<S: Simd, const BITS: usize>(simd: S, words: S::u32s) -> S::u32s {
    simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(BITS as u32))
}

impl<const BITS: usize, H: Number> Groups for Packed<BITS, H> {
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, columns: usize, group: usize, from: usize, lines: &mut [Line]) {
        let blocks = &self.0[(group * columns + from) / BLOCK..];
        for (block, lines) in blocks.iter().zip(lines.as_chunks_mut::<BLOCK>().0) {
            let (scales, shifts) = (widen(&block.scales), widen(&block.shifts));
            let (scales, shifts) = (S::as_simd_f32s(&scales).0, S::as_simd_f32s(&shifts).0);
            for (word, lines) in block.words.iter().zip(lines.chunks_exact_mut(Self::EACH)) {
                let word = S::as_simd_u32s(word).0;
                for v in 0..GROUP / S::F32_LANES {
                    let mut word = word[v];
                    for line in &mut *lines {
                        let quants = lowest::<S, BITS>(simd, word);
                        S::as_mut_simd_f32s(line).0[v] = madd(simd, quants, scales[v], shifts[v]);
                        word = next::<S, BITS>(simd, word);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, first: usize, x: &[f32], out: &mut [Line]) {
        let blocks = self.0[first * (x.len() / BLOCK)..].chunks_exact(x.len() / BLOCK);
        for (blocks, out) in blocks.zip(out) {
            match S::F32_LANES {
                4 => dot_group::<S, H, BITS, 4>(simd, blocks, x, out),
                8 => dot_group::<S, H, BITS, 2>(simd, blocks, x, out),
                _ => dot_group::<S, H, BITS, 1>(simd, blocks, x, out),
            }
        }
    }
}

/// One group, of `N` registers, times one vector, on the packed form.
#[inline(always)]
fn dot_group<S: Simd, H: Number, const BITS: usize, const N: usize>(
    simd: S,
    blocks: &[Block<BITS, H>],
    x: &[f32],
    out: &mut Line,
) {
    let mut sums = [simd.splat_f32s(0.0); N];
    for (block, x) in blocks.iter().zip(x.as_chunks::<BLOCK>().0) {
        let (scales, shifts) = (widen(&block.scales), widen(&block.shifts));
        let (scales, shifts) = (S::as_simd_f32s(&scales).0, S::as_simd_f32s(&shifts).0);
        for (word, x) in block.words.iter().zip(x.chunks_exact(BLOCK / BITS)) {
            let word = S::as_simd_u32s(word).0;
            let mut word: [S::u32s; N] = std::array::from_fn(|v| word[v]);
            for x in x {
                let x = simd.splat_f32s(*x);
                for v in 0..N {
                    let weights = madd(simd, lowest::<S, BITS>(simd, word[v]), scales[v], shifts[v]);
                    sums[v] = madd(simd, weights, x, sums[v]);
                    word[v] = next::<S, BITS>(simd, word[v]);
                }
            }
        }
    }
    S::as_mut_simd_f32s(out).0.copy_from_slice(&sums);
}

impl Groups for Vec<[u16; GROUP]> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, columns: usize, group: usize, from: usize, lines: &mut [Line]) {
        for (line, bits) in lines.iter_mut().zip(&self[group * columns + from..]) {
            for (out, bits) in line.iter_mut().zip(bits) {
                *out = half_to_single(*bits);
            }
        }
    }
}

impl Groups for Vec<Line> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, columns: usize, group: usize, from: usize, lines: &mut [Line]) {
        let start = group * columns + from;
        lines.copy_from_slice(&self[start..start + lines.len()]);
    }
}
