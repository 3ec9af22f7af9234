use pulp::{Simd, WithSimd};

use super::simd::{Cpu, madd};
use super::weights::{BLOCK, EightRows, FourRows, Values, Weights};

/// Weight rows worked on side by side.
const ROWS: usize = 4;

/// `out = weights * x` for one vector: reads the blocks as they are, which is what limits writing token by token.
pub(crate) fn multiply_vector(cpu: Cpu, weights: &Weights, x: &[f32], out: &mut [f32]) {
    cpu.run(VectorProduct { weights, x, out });
}

struct VectorProduct<'a> {
    weights: &'a Weights,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for VectorProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, x, out } = self;
        let columns = weights.columns;
        let blocks = columns / BLOCK;
        let mut lines = vec![0.0_f32; ROWS * columns];
        // Groups of ROWS; the last one reaches back where ROWS does not divide, and writes the same numbers again.
        let groups = weights.rows.div_ceil(ROWS);
        match &weights.values {
            Values::Four { quants, scales, shifts } if weights.rows >= ROWS => {
                let rows = FourRows { quants, scales, shifts, columns };
                let mut totals = vec![0.0_f32; blocks];
                for (total, x) in totals.iter_mut().zip(x.chunks_exact(BLOCK)) {
                    *total = x.iter().sum();
                }
                for group in 0..groups {
                    let first = (group * ROWS).min(weights.rows - ROWS);
                    for r in 0..ROWS {
                        rows.quants(first + r, 0, &mut lines[r * columns..(r + 1) * columns]);
                    }
                    let own = first * blocks..(first + ROWS) * blocks;
                    let sums = scaled(simd, &lines, &scales[own.clone()], x);
                    let shifts = &shifts[own];
                    for r in 0..ROWS {
                        let shift = dot(simd, &shifts[r * blocks..(r + 1) * blocks], &totals);
                        out[first + r] = simd.reduce_sum_f32s(sums[r]) + shift;
                    }
                }
            }
            Values::Eight { quants, scales } if weights.rows >= ROWS => {
                let rows = EightRows { quants, scales, columns };
                for group in 0..groups {
                    let first = (group * ROWS).min(weights.rows - ROWS);
                    for r in 0..ROWS {
                        rows.quants(first + r, 0, &mut lines[r * columns..(r + 1) * columns]);
                    }
                    let own = first * blocks..(first + ROWS) * blocks;
                    let sums = scaled(simd, &lines, &scales[own], x);
                    for r in 0..ROWS {
                        out[first + r] = simd.reduce_sum_f32s(sums[r]);
                    }
                }
            }
            _ => {
                let line = &mut lines[..columns];
                for (r, out) in out.iter_mut().enumerate().take(weights.rows) {
                    weights.fill(simd, r, line);
                    *out = dot(simd, line, x);
                }
            }
        }
    }
}

/// For each line, partial sums over blocks of `scale * (quants . x)`.
///
/// Rows go side by side because one row alone would wait for its own running sum at each block.
#[inline(always)]
fn scaled<S: Simd>(simd: S, lines: &[f32], scales: &[f32], x: &[f32]) -> [S::f32s; ROWS] {
    let columns = x.len();
    let blocks = columns / BLOCK;
    let mut sums = [simd.splat_f32s(0.0); ROWS];
    for (b, x) in x.chunks_exact(BLOCK).enumerate() {
        let x = S::as_simd_f32s(x).0;
        for r in 0..ROWS {
            let quants = S::as_simd_f32s(&lines[r * columns + b * BLOCK..][..BLOCK]).0;
            let mut part = simd.mul_f32s(quants[0], x[0]);
            for v in 1..BLOCK / S::F32_LANES {
                part = madd(simd, quants[v], x[v], part);
            }
            sums[r] = madd(simd, part, simd.splat_f32s(scales[r * blocks + b]), sums[r]);
        }
    }
    sums
}

/// The scalar product of two vectors.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    let (a, a_end) = S::as_simd_f32s(a);
    let (b, b_end) = S::as_simd_f32s(b);
    for (a, b) in a.iter().zip(b) {
        sum = madd(simd, *a, *b, sum);
    }
    let mut end = 0.0;
    for (a, b) in a_end.iter().zip(b_end) {
        end += a * b;
    }
    simd.reduce_sum_f32s(sum) + end
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn every_form_agrees_with_its_own_numbers() {
        let (rows, columns) = (5, 96);
        let plain: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.37).sin() + 0.2).collect();
        let x: Vec<f32> = (0..columns).map(|i| (i as f32 * 0.11).cos()).collect();
        let tensor = Tensor::from_vec(plain, (rows, columns), &Device::Cpu).unwrap();
        for dtype in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0, GgmlDType::F16, GgmlDType::F32] {
            let weights = Weights::from_tensor(&QTensor::quantize(&tensor, dtype).unwrap()).unwrap();
            for cpu in [Cpu::detect(), Cpu::baseline()] {
                let mut out = vec![0.0; rows];
                multiply_vector(cpu, &weights, &x, &mut out);
                let mut row = vec![0.0; columns];
                for (r, out) in out.iter().enumerate() {
                    weights.row(r, &mut row);
                    let truth: f64 = row.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                    assert!((f64::from(*out) - truth).abs() < 2e-5, "{dtype:?} {out} {truth}");
                }
            }
        }
    }
}
