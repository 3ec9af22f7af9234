use pulp::{Simd, WithSimd};

use super::packed::Groups;
use super::simd::{Cpu, madd};
use super::weights::{BLOCK, GROUP, Values, Weights};

/// Most elements of a group of rows made into numbers at once: 18 KB, which stay in the first-level cache.
const DEPTH: usize = 288;
/// Most tokens a product works on at once, so that their numbers stay in the second-level cache.
pub(crate) const TOKENS: usize = 192;

/// Sums of products of sixteen rows, given element by element, with some tokens.
///
/// Element k of the rows lies at `lines[k * step..][..16]`, that of token t at `x[t * x_stride + k]`, and the sixteen
/// sums of token t at `out[t * out_stride..]`. There are as many elements as `x_stride`-independent `depth` says: the
/// number of lines. Each sum is one chain of multiply-adds in ascending k whatever the number of tokens and the width
/// of the registers: a token's result is bit for bit the same alone and in company.
pub(crate) struct Band<'a> {
    pub(crate) lines: &'a [f32],
    pub(crate) step: usize,
    pub(crate) depth: usize,
    pub(crate) x: &'a [f32],
    pub(crate) x_stride: usize,
    pub(crate) out_stride: usize,
    pub(crate) tokens: usize,
    /// Starts from zero instead of from what `out` holds.
    pub(crate) fresh: bool,
}

impl Band<'_> {
    /// Writes the sums to `out`.
    #[inline(always)]
    pub(crate) fn add_to<S: Simd>(&self, simd: S, out: &mut [f32]) {
        // Registers that the sums of one token take, and as many tokens as leave some registers for the operands.
        match S::F32_LANES {
            4 => self.tiles::<S, 4>(simd, out),
            8 => self.tiles::<S, 2>(simd, out),
            _ => self.tiles::<S, 1>(simd, out),
        }
    }

    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(&self, simd: S, out: &mut [f32]) {
        let mut t = 0;
        if N == 1 {
            while t + 12 <= self.tokens {
                self.tile::<S, 12, N>(simd, t, out);
                t += 12;
            }
        }
        while t + 6 <= self.tokens {
            self.tile::<S, 6, N>(simd, t, out);
            t += 6;
        }
        while t + 3 <= self.tokens {
            self.tile::<S, 3, N>(simd, t, out);
            t += 3;
        }
        while t < self.tokens {
            self.tile::<S, 1, N>(simd, t, out);
            t += 1;
        }
    }

    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        clippy::manual_memcpy,
        reason = "what calls a function keeps its numbers in memory where that is not inlined"
    )]
    fn tile<S: Simd, const M: usize, const N: usize>(&self, simd: S, first: usize, out: &mut [f32]) {
        // Loops over constants and nothing that calls: only then the sums stay in registers wherever this is inlined.
        let mut sums = [[simd.splat_f32s(0.0); N]; M];
        if !self.fresh {
            for m in 0..M {
                let out = S::as_simd_f32s(&out[(first + m) * self.out_stride..][..GROUP]).0;
                for n in 0..N {
                    sums[m][n] = out[n];
                }
            }
        }
        let mut x = [self.x; M];
        for m in 0..M {
            x[m] = &self.x[(first + m) * self.x_stride..][..self.depth];
        }
        for k in 0..self.depth {
            let all = S::as_simd_f32s(&self.lines[k * self.step..][..GROUP]).0;
            let mut line = [simd.splat_f32s(0.0); N];
            for n in 0..N {
                line[n] = all[n];
            }
            for m in 0..M {
                let x = simd.splat_f32s(x[m][k]);
                for n in 0..N {
                    sums[m][n] = madd(simd, line[n], x, sums[m][n]);
                }
            }
        }
        for m in 0..M {
            let out = S::as_mut_simd_f32s(&mut out[(first + m) * self.out_stride..][..GROUP]).0;
            for n in 0..N {
                out[n] = sums[m][n];
            }
        }
    }
}

/// Groups of weight rows times tokens.
struct Product<'a> {
    weights: &'a Weights,
    /// The first group to multiply.
    first: usize,
    /// Token after token; the stride is that of the whole divided by the tokens.
    x: &'a [f32],
    tokens: usize,
    out: &'a mut [f32],
}

impl Product<'_> {
    fn run(self, cpu: Cpu) {
        match &self.weights.values {
            Values::Four(groups) => cpu.run(Of { groups, op: self }),
            Values::Eight(groups) => cpu.run(Of { groups, op: self }),
            Values::FineFour(groups) => cpu.run(Of { groups, op: self }),
            Values::FineEight(groups) => cpu.run(Of { groups, op: self }),
            Values::Half(groups) => cpu.run(Of { groups, op: self }),
            Values::Single(groups) => cpu.run(Of { groups, op: self }),
        }
    }
}

/// A product of one form of weights. Each form gets a function of its own, which the compiler can keep in view.
struct Of<'a, G> {
    groups: &'a G,
    op: Product<'a>,
}

impl<G: Groups> WithSimd for Of<'_, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        product(simd, self.groups, self.op);
    }
}

#[inline(always)]
fn product<S: Simd, G: Groups>(simd: S, groups: &G, op: Product<'_>) {
    let Product { weights, first, x, tokens, out } = op;
    let depth = weights.columns;
    if tokens == 1 {
        return groups.vector(simd, first, &x[..depth], out.as_chunks_mut().0);
    }
    let (x_stride, out_stride) = (x.len() / tokens, out.len() / tokens);
    // Pieces of about the same length.
    let piece = depth.div_ceil(depth.div_ceil(DEPTH)).next_multiple_of(BLOCK);
    let mut lines = vec![[0.0; GROUP]; piece];
    let blocks = x.chunks(TOKENS * x_stride).zip(out.chunks_mut(TOKENS * out_stride));
    for (x, out) in blocks {
        for group in 0..weights.rows.div_ceil(GROUP) {
            for from in (0..depth).step_by(piece) {
                let lines = &mut lines[..piece.min(depth - from)];
                groups.fill(simd, depth, group, from, lines);
                let band = Band {
                    lines: lines.as_flattened(),
                    step: GROUP,
                    depth: lines.len(),
                    x: &x[from..],
                    x_stride,
                    out_stride,
                    tokens: x.len() / x_stride,
                    fresh: from == 0,
                };
                band.add_to(simd, &mut out[group * GROUP..]);
            }
        }
    }
}

/// `out = weights * x` for `tokens` tokens: in both, the numbers of a token lie together.
///
/// `x` has at least [`Weights::columns`] numbers a token, `out` exactly [`Weights::padded`].
pub(crate) fn multiply(cpu: Cpu, weights: &Weights, x: &[f32], tokens: usize, out: &mut [f32]) {
    Product { weights, first: 0, x, tokens, out }.run(cpu);
}

/// The part of `weights * x` that starts at group `first` and fills `out`, for one token.
pub(crate) fn multiply_part(cpu: Cpu, weights: &Weights, first: usize, x: &[f32], out: &mut [f32]) {
    Product { weights, first, x, tokens: 1, out }.run(cpu);
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    use super::*;

    const TYPES: [GgmlDType; 5] =
        [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0, GgmlDType::F16, GgmlDType::F32];

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin() + 0.2).collect()
    }

    fn weights(rows: usize, columns: usize, dtype: GgmlDType) -> Weights {
        let tensor = Tensor::from_vec(wave(rows * columns, 0.71), (rows, columns), &Device::Cpu).unwrap();
        Weights::from_tensor(&QTensor::quantize(&tensor, dtype).unwrap(), None).unwrap()
    }

    fn product(cpu: Cpu, weights: &Weights, x: &[f32], tokens: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; tokens * weights.padded()];
        multiply(cpu, weights, x, tokens, &mut out);
        out
    }

    #[test]
    fn product_is_the_sum_of_products() {
        for dtype in TYPES {
            for (rows, columns, tokens) in
                [(1, 32, 1), (16, 320, 2), (53, 544, 10), (16, 32, 400), (40, 96, 1)]
            {
                let w = weights(rows, columns, dtype);
                let x = wave(columns * tokens, 0.33);
                for cpu in [Cpu::detect(), Cpu::baseline()] {
                    let out = product(cpu, &w, &x, tokens);
                    let mut row = vec![0.0; columns];
                    for r in 0..rows {
                        w.row(r, &mut row);
                        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact(w.padded())) {
                            let truth: f64 =
                                row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                            assert!((f64::from(out[r]) - truth).abs() < 2e-4, "{dtype:?} {} {truth}", out[r]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_token_s_result_is_the_same_bits_alone_and_in_company() {
        let (rows, columns, tokens) = (40, 576, 401);
        let x = wave(columns * tokens, 0.13);
        for dtype in TYPES {
            let w = weights(rows, columns, dtype);
            for cpu in [Cpu::detect(), Cpu::baseline()] {
                let together = product(cpu, &w, &x, tokens);
                for few in [1, 2, 3, 7, 13] {
                    let alone = product(cpu, &w, &x[..few * columns], few);
                    assert!(
                        alone.iter().zip(&together).all(|(a, b)| a.to_bits() == b.to_bits()),
                        "{dtype:?} {few}"
                    );
                }
                let mut part = [f32::NAN; GROUP];
                multiply_part(cpu, &w, 1, &x[..columns], &mut part);
                assert!(part.iter().zip(&together[GROUP..]).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
