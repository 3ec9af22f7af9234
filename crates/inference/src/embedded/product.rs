use pulp::{Simd, WithSimd};

use super::simd::{Cpu, madd};
use super::weights::{BrainRows, EightRows, FourRows, HalfRows, Rows, RunRows, SingleRows, Values, Weights};

/// Weight rows made into numbers at once.
const PANEL: usize = 12;
/// Numbers of a row made at once: a panel is 12 KB and stays in the first-level cache.
const DEPTH: usize = 256;

/// A matrix product `out = weights * x`, or `out += ..`.
///
/// Activations are feature-major: element (feature k, token t) of `x` lies at `k * stride + t`, so tokens fill the
/// vector lanes and no horizontal sums are needed. Each output element is one chain of multiply-adds in ascending k,
/// whatever the number of tokens: the result for a token is bit for bit the same alone and in company.
pub(crate) struct Product<'a, R> {
    /// The left side.
    pub(crate) rows: R,
    /// Number of its rows.
    pub(crate) count: usize,
    /// Length of its rows.
    pub(crate) depth: usize,
    /// The right side, `depth * stride` long.
    pub(crate) x: &'a [f32],
    /// Tokens of `x` and of `out`; a multiple of the lanes.
    pub(crate) stride: usize,
    /// The result, `count * stride` long.
    pub(crate) out: &'a mut [f32],
    /// Adds to `out` instead of overwriting it.
    pub(crate) accumulate: bool,
}

impl<R: Rows> WithSimd for Product<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, count, depth, x, stride, out, accumulate } = self;
        if !accumulate {
            out[..count * stride].fill(0.0);
        }
        let mut panel = [[0.0_f32; DEPTH]; PANEL];
        for first in (0..count).step_by(PANEL) {
            let height = PANEL.min(count - first);
            let out = &mut out[first * stride..(first + height) * stride];
            for from in (0..depth).step_by(DEPTH) {
                let length = DEPTH.min(depth - from);
                rows.fill_panel(simd, first, from, length, &mut panel[..height]);
                let x = &x[from * stride..(from + length) * stride];
                let mut column = 0;
                while column < stride {
                    if S::REGISTER_COUNT >= 32 {
                        if column + 2 * S::F32_LANES <= stride {
                            tile::<S, 12, 2>(simd, &panel, 0, x, stride, column, out);
                            column += 2 * S::F32_LANES;
                        } else {
                            tile::<S, 12, 1>(simd, &panel, 0, x, stride, column, out);
                            column += S::F32_LANES;
                        }
                    } else if column + 2 * S::F32_LANES <= stride {
                        tile::<S, 6, 2>(simd, &panel, 0, x, stride, column, out);
                        tile::<S, 6, 2>(simd, &panel, 6, x, stride, column, out);
                        column += 2 * S::F32_LANES;
                    } else {
                        tile::<S, 12, 1>(simd, &panel, 0, x, stride, column, out);
                        column += S::F32_LANES;
                    }
                }
            }
        }
    }
}

/// Adds `panel[top..top + M] * x` to `N` vectors of columns of `out`. Rows that `out` lacks are computed and dropped.
#[inline(always)]
fn tile<S: Simd, const M: usize, const N: usize>(
    simd: S,
    panel: &[[f32; DEPTH]; PANEL],
    top: usize,
    x: &[f32],
    stride: usize,
    column: usize,
    out: &mut [f32],
) {
    let width = N * S::F32_LANES;
    let height = out.len() / stride;
    let mut sums = [[simd.splat_f32s(0.0); N]; M];
    // Loops of constant length with a test inside: the sums then live in registers.
    for m in 0..M {
        if top + m < height {
            let out = S::as_simd_f32s(&out[(top + m) * stride + column..][..width]).0;
            sums[m].copy_from_slice(&out[..N]);
        }
    }
    for (k, x) in x.chunks_exact(stride).enumerate().take(DEPTH) {
        let x = S::as_simd_f32s(&x[column..column + width]).0;
        let x: [S::f32s; N] = std::array::from_fn(|n| x[n]);
        for m in 0..M {
            let w = simd.splat_f32s(panel[top + m][k]);
            for n in 0..N {
                sums[m][n] = madd(simd, w, x[n], sums[m][n]);
            }
        }
    }
    for m in 0..M {
        if top + m < height {
            let out = S::as_mut_simd_f32s(&mut out[(top + m) * stride + column..][..width]).0;
            out[..N].copy_from_slice(&sums[m]);
        }
    }
}

/// `out = weights * x` for feature-major `x` with `stride` tokens.
pub(crate) fn multiply(cpu: Cpu, weights: &Weights, x: &[f32], stride: usize, out: &mut [f32]) {
    let (count, depth) = (weights.rows, weights.columns);
    let accumulate = false;
    match &weights.values {
        Values::Four { quants, scales, shifts } => {
            let rows = FourRows { quants, scales, shifts, columns: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
        Values::Eight { quants, scales } => {
            let rows = EightRows { quants, scales, columns: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
        Values::Runs(runs) => {
            let rows = RunRows { runs, columns: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
        Values::Brain(bits) => {
            let rows = BrainRows { bits, columns: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
        Values::Half(bits) => {
            let rows = HalfRows { bits, columns: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
        Values::Single(values) => {
            let rows = SingleRows { values, offset: 0, stride: depth };
            cpu.run(Product { rows, count, depth, x, stride, out, accumulate });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin()).collect()
    }

    fn weights(rows: usize, columns: usize) -> Weights {
        Weights { rows, columns, values: Values::Single(wave(rows * columns, 0.71)) }
    }

    #[test]
    fn product_is_the_sum_of_products() {
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            for (rows, columns, vectors) in [(1, 32, 1), (12, 256, 2), (13, 320, 3), (29, 544, 1)] {
                let stride = vectors * cpu.lanes();
                let w = weights(rows, columns);
                let x = wave(columns * stride, 0.33);
                let mut out = vec![f32::NAN; rows * stride];
                multiply(cpu, &w, &x, stride, &mut out);
                let Values::Single(values) = &w.values else { unreachable!() };
                for r in 0..rows {
                    for t in 0..stride {
                        let truth: f64 = (0..columns)
                            .map(|k| f64::from(values[r * columns + k]) * f64::from(x[k * stride + t]))
                            .sum();
                        assert!((f64::from(out[r * stride + t]) - truth).abs() < 1e-4);
                    }
                }
            }
        }
    }

    #[test]
    fn a_token_s_result_is_the_same_bits_alone_and_in_company() {
        let cpu = Cpu::detect();
        let (lanes, w) = (cpu.lanes(), weights(25, 576));
        let wide = 5 * lanes;
        let x = wave(576 * wide, 0.13);
        let mut together = vec![0.0; 25 * wide];
        multiply(cpu, &w, &x, wide, &mut together);
        for t in [0, 1, lanes, wide - 1] {
            let mut lone = vec![0.0; 576 * lanes];
            for k in 0..576 {
                lone[k * lanes] = x[k * wide + t];
            }
            let mut alone = vec![0.0; 25 * lanes];
            multiply(cpu, &w, &lone, lanes, &mut alone);
            for r in 0..25 {
                assert_eq!(alone[r * lanes].to_bits(), together[r * wide + t].to_bits());
            }
        }
    }
}
