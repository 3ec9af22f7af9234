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

/// Weights `quant * scale + shift` with unsigned quants of `BITS` bits, group by group.
#[derive(Debug)]
pub(crate) struct Packed<const BITS: u32> {
    /// Of each row of a group, `32 / BITS` consecutive quants, the first in the lowest bits.
    words: Vec<[u32; GROUP]>,
    /// One line a block.
    scales: Vec<Line>,
    /// One line a block.
    shifts: Vec<Line>,
}

impl<const BITS: u32> Packed<BITS> {
    /// Quants in a word.
    const EACH: usize = (32 / BITS) as usize;
    /// Words of a row that make a block.
    const WORDS: usize = BLOCK / Self::EACH;

    /// Packs row-major blocks of 32; `unpack` writes a block's quants and returns its scale and shift.
    pub(crate) fn new<B>(
        columns: usize,
        blocks: &[B],
        unpack: impl Fn(&B, &mut [u8; BLOCK]) -> (f32, f32),
    ) -> Self {
        let each = columns / BLOCK;
        let rows = blocks.chunks_exact(each.max(1));
        let total = rows.len().div_ceil(GROUP) * each;
        let mut words = vec![[0; GROUP]; total * Self::WORDS];
        let mut scales = vec![[0.0; GROUP]; total];
        let mut shifts = vec![[0.0; GROUP]; total];
        let mut quants = [0; BLOCK];
        for (r, row) in rows.enumerate() {
            for (b, block) in row.iter().enumerate() {
                let (at, lane) = (r / GROUP * each + b, r % GROUP);
                (scales[at][lane], shifts[at][lane]) = unpack(block, &mut quants);
                let words = &mut words[at * Self::WORDS..(at + 1) * Self::WORDS];
                for (word, quants) in words.iter_mut().zip(quants.chunks_exact(Self::EACH)) {
                    for quant in quants.iter().rev() {
                        word[lane] = (word[lane] << BITS) | u32::from(*quant);
                    }
                }
            }
        }
        Self { words, scales, shifts }
    }

    /// The words, scales and shifts of blocks `at..at + count`.
    #[inline(always)]
    fn blocks(&self, at: usize, count: usize) -> (&[[u32; GROUP]], &[Line], &[Line]) {
        let words = &self.words[at * Self::WORDS..(at + count) * Self::WORDS];
        (words, &self.scales[at..at + count], &self.shifts[at..at + count])
    }
}

/// The lowest quant of each word, as a number.
///
/// A small integer under the exponent of 2^23 is that integer behind the point; taking 2^23 away leaves it exactly.
#[inline(always)]
fn lowest<S: Simd, const BITS: u32>(simd: S, words: S::u32s) -> S::f32s {
    const EXPONENT: f32 = 8_388_608.0;
    let quants = simd.and_u32s(words, simd.splat_u32s((1 << BITS) - 1));
    let placed = simd.or_u32s(quants, simd.splat_u32s(EXPONENT.to_bits()));
    simd.sub_f32s(simd.transmute_f32s_u32s(placed), simd.splat_f32s(EXPONENT))
}

#[inline(always)]
fn next<S: Simd, const BITS: u32>(simd: S, words: S::u32s) -> S::u32s {
    simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(BITS))
}

impl<const BITS: u32> Groups for Packed<BITS> {
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, columns: usize, group: usize, from: usize, lines: &mut [Line]) {
        let (words, scales, shifts) = self.blocks((group * columns + from) / BLOCK, lines.len() / BLOCK);
        let blocks = words.chunks_exact(Self::WORDS).zip(scales).zip(shifts);
        for (((words, scales), shifts), lines) in blocks.zip(lines.as_chunks_mut::<BLOCK>().0) {
            let (scales, shifts) = (S::as_simd_f32s(scales).0, S::as_simd_f32s(shifts).0);
            for (word, lines) in words.iter().zip(lines.chunks_exact_mut(Self::EACH)) {
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
        // Two groups side by side: each row is one long chain, and more chains hide the wait for the last sum.
        let (pairs, rest) = out.as_chunks_mut::<2>();
        for (p, out) in pairs.iter_mut().enumerate() {
            vector_groups::<S, BITS, 2>(simd, self, first + 2 * p, x, out);
        }
        if let [out] = rest {
            vector_groups::<S, BITS, 1>(simd, self, first + 2 * pairs.len(), x, std::array::from_mut(out));
        }
    }
}

/// `R` groups times one vector, on the packed form.
#[inline(always)]
fn vector_groups<S: Simd, const BITS: u32, const R: usize>(
    simd: S,
    packed: &Packed<BITS>,
    first: usize,
    x: &[f32],
    out: &mut [Line; R],
) {
    /// Registers of a group where lanes are fewest.
    const MOST: usize = 4;
    let vectors = GROUP / S::F32_LANES;
    let (each, words) = (Packed::<BITS>::EACH, Packed::<BITS>::WORDS);
    let count = x.len() / BLOCK;
    let groups: [_; R] = std::array::from_fn(|r| packed.blocks((first + r) * count, count));
    let mut sums = [[simd.splat_f32s(0.0); MOST]; R];
    for (b, x) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
        for (w, x) in x.chunks_exact(each).enumerate() {
            let mut word = [[simd.splat_u32s(0); MOST]; R];
            for r in 0..R {
                let loaded = S::as_simd_u32s(&groups[r].0[b * words + w]).0;
                word[r][..vectors].copy_from_slice(&loaded[..vectors]);
            }
            for x in x {
                let x = simd.splat_f32s(*x);
                for r in 0..R {
                    let (scales, shifts) =
                        (S::as_simd_f32s(&groups[r].1[b]).0, S::as_simd_f32s(&groups[r].2[b]).0);
                    for v in 0..vectors {
                        let quants = lowest::<S, BITS>(simd, word[r][v]);
                        let weights = madd(simd, quants, scales[v], shifts[v]);
                        sums[r][v] = madd(simd, weights, x, sums[r][v]);
                        word[r][v] = next::<S, BITS>(simd, word[r][v]);
                    }
                }
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        S::as_mut_simd_f32s(out).0.copy_from_slice(&sums[..vectors]);
    }
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
