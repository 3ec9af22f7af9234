use pulp::{Simd, WithSimd};

use super::simd::{Cpu, madd1};
use super::weights::{BLOCK, Values, Weights, half_to_single};

/// Lanes of a running sum; two 8-wide or one 16-wide register.
const LANES: usize = 16;

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
    fn with_simd<S: Simd>(self, _: S) {
        let Self { weights, x, out } = self;
        let columns = weights.columns;
        let blocks = columns / BLOCK;
        match &weights.values {
            Values::Four { quants, scales, shifts } => {
                let x = x.as_chunks::<BLOCK>().0;
                let totals: Vec<f32> = x.iter().map(|x| x.iter().sum()).collect();
                let rows = quants
                    .chunks_exact(blocks)
                    .zip(scales.chunks_exact(blocks))
                    .zip(shifts.chunks_exact(blocks));
                for (((quants, scales), shifts), out) in rows.zip(out) {
                    *out = four::<S>(quants, scales, x) + dot::<S>(shifts, &totals);
                }
            }
            Values::Eight { quants, scales } => {
                let x = x.as_chunks::<BLOCK>().0;
                let rows = quants.chunks_exact(blocks).zip(scales.chunks_exact(blocks));
                for ((quants, scales), out) in rows.zip(out) {
                    *out = eight::<S>(quants, scales, x);
                }
            }
            Values::Half(bits) => {
                for (bits, out) in bits.chunks_exact(columns).zip(out) {
                    *out = half::<S>(bits, x);
                }
            }
            Values::Single(values) => {
                for (values, out) in values.chunks_exact(columns).zip(out) {
                    *out = dot::<S>(values, x);
                }
            }
        }
    }
}

#[inline(always)]
fn four<S: Simd>(quants: &[[u8; 16]], scales: &[f32], x: &[[f32; BLOCK]]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for ((q, &scale), x) in quants.iter().zip(scales).zip(x) {
        for i in 0..LANES {
            let part = madd1::<S>(f32::from(q[i] >> 4), x[i + 16], f32::from(q[i] & 15) * x[i]);
            sums[i] = madd1::<S>(part, scale, sums[i]);
        }
    }
    total(&sums)
}

#[inline(always)]
fn eight<S: Simd>(quants: &[[i8; BLOCK]], scales: &[f32], x: &[[f32; BLOCK]]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for ((q, &scale), x) in quants.iter().zip(scales).zip(x) {
        for i in 0..LANES {
            let part = madd1::<S>(f32::from(q[i + 16]), x[i + 16], f32::from(q[i]) * x[i]);
            sums[i] = madd1::<S>(part, scale, sums[i]);
        }
    }
    total(&sums)
}

#[inline(always)]
fn half<S: Simd>(bits: &[u16], x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (bits, bits_end) = bits.as_chunks::<LANES>();
    let (x, x_end) = x.as_chunks::<LANES>();
    for (b, x) in bits.iter().zip(x) {
        for i in 0..LANES {
            sums[i] = madd1::<S>(half_to_single(b[i]), x[i], sums[i]);
        }
    }
    let end: f32 = bits_end.iter().zip(x_end).map(|(&b, x)| half_to_single(b) * x).sum();
    total(&sums) + end
}

/// The scalar product of two vectors.
#[inline(always)]
pub(crate) fn dot<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a, a_end) = a.as_chunks::<LANES>();
    let (b, b_end) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] = madd1::<S>(a[i], b[i], sums[i]);
        }
    }
    let end: f32 = a_end.iter().zip(b_end).map(|(a, b)| a * b).sum();
    total(&sums) + end
}

#[inline(always)]
fn total(sums: &[f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| sums[i] + sums[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
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
