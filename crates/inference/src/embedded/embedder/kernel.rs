use pulp::{Simd, WithSimd};

use crate::embedded::simd::{Cpu, exp, madd1};

/// Tokens worked on at once; matrices of activations have a multiple of this many columns.
pub(super) const TOKENS: usize = 32;
/// Rows worked on at once.
const ROWS: usize = 4;

/// `out = weights * x` for `rows` rows of `depth` numbers, and activations with feature f of token t at `f * stride + t`.
///
/// Each element is one chain of multiply-adds in ascending order: a token gets the same bits alone and in company.
pub(super) fn product(cpu: Cpu, weights: &[f32], depth: usize, x: &[f32], stride: usize, out: &mut [f32]) {
    cpu.run(Product { weights, depth, x, stride, out });
}

struct Product<'a> {
    weights: &'a [f32],
    depth: usize,
    x: &'a [f32],
    stride: usize,
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { weights, depth, x, stride, out } = self;
        let bands = weights.chunks(ROWS * depth).zip(out.chunks_mut(ROWS * stride));
        for (weights, out) in bands {
            // A band of fewer rows repeats its last one and drops the copies.
            let last = weights.len() / depth - 1;
            let row = |r: usize| &weights[r.min(last) * depth..][..depth];
            let rows: [&[f32]; ROWS] = [row(0), row(1), row(2), row(3)];
            for column in (0..stride).step_by(TOKENS) {
                let mut sums = [[0.0_f32; TOKENS]; ROWS];
                for (k, x) in x.chunks_exact(stride).enumerate().take(depth) {
                    let Some(x) = x[column..].first_chunk::<TOKENS>() else { continue };
                    for r in 0..ROWS {
                        let w = rows[r][k];
                        for t in 0..TOKENS {
                            sums[r][t] = madd1::<S>(w, x[t], sums[r][t]);
                        }
                    }
                }
                for (out, sums) in out.chunks_exact_mut(stride).zip(&sums) {
                    out[column..column + TOKENS].copy_from_slice(sums);
                }
            }
        }
    }
}

/// Turns each column of `scores` into weights that sum to 1.
pub(super) fn softmax(cpu: Cpu, scores: &mut [f32], stride: usize) {
    struct Softmax<'a>(&'a mut [f32], usize);
    impl WithSimd for Softmax<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(scores, stride) = self;
            let mut tops = vec![f32::NEG_INFINITY; stride];
            for row in scores.chunks_exact(stride) {
                for (top, score) in tops.iter_mut().zip(row) {
                    *top = if *score > *top { *score } else { *top };
                }
            }
            let mut sums = vec![0.0_f32; stride];
            for row in scores.chunks_exact_mut(stride) {
                for ((score, top), sum) in row.iter_mut().zip(&tops).zip(&mut sums) {
                    *score = exp::<S>(*score - top);
                    *sum += *score;
                }
            }
            for row in scores.chunks_exact_mut(stride) {
                row.iter_mut().zip(&sums).for_each(|(score, sum)| *score /= sum);
            }
        }
    }
    cpu.run(Softmax(scores, stride));
}

/// Norms every column of `x` (Ba et al. 2016).
pub(super) fn layer_norm(
    cpu: Cpu,
    x: &mut [f32],
    stride: usize,
    gains: &[f32],
    biases: &[f32],
    epsilon: f32,
) {
    struct Norm<'a>(&'a mut [f32], usize, &'a [f32], &'a [f32], f32);
    impl WithSimd for Norm<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(x, stride, gains, biases, epsilon) = self;
            let features = gains.len() as f32;
            let mut means = vec![0.0_f32; stride];
            for row in x.chunks_exact(stride) {
                means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
            }
            for mean in &mut means {
                *mean /= features;
            }
            let mut factors = vec![0.0_f32; stride];
            for row in x.chunks_exact(stride) {
                for ((sum, x), mean) in factors.iter_mut().zip(row).zip(&means) {
                    *sum += (x - mean) * (x - mean);
                }
            }
            for sum in &mut factors {
                *sum = 1.0 / (*sum / features + epsilon).sqrt();
            }
            for (row, (gain, bias)) in x.chunks_exact_mut(stride).zip(gains.iter().zip(biases)) {
                for ((x, mean), factor) in row.iter_mut().zip(&means).zip(&factors) {
                    *x = (*x - mean) * factor * gain + bias;
                }
            }
        }
    }
    cpu.run(Norm(x, stride, gains, biases, epsilon));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_is_the_sum_of_products_and_the_same_in_company() {
        let wave = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect::<Vec<f32>>();
        let (rows, depth) = (7, 45);
        let weights = wave(rows * depth, 0.71);
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let (wide, narrow) = (2 * TOKENS, TOKENS);
            let x = wave(depth * wide, 0.33);
            let mut out = vec![f32::NAN; rows * wide];
            product(cpu, &weights, depth, &x, wide, &mut out);
            let lone: Vec<f32> = x.chunks(wide).flat_map(|row| row[narrow..].to_vec()).collect();
            let mut alone = vec![f32::NAN; rows * narrow];
            product(cpu, &weights, depth, &lone, narrow, &mut alone);
            for r in 0..rows {
                for t in 0..wide {
                    let terms =
                        (0..depth).map(|k| f64::from(weights[r * depth + k]) * f64::from(x[k * wide + t]));
                    assert!((f64::from(out[r * wide + t]) - terms.sum::<f64>()).abs() < 1e-5);
                }
                let (company, alone) = (&out[r * wide + narrow..][..narrow], &alone[r * narrow..][..narrow]);
                assert!(company.iter().zip(alone).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn columns_are_normed() {
        let cpu = Cpu::detect();
        let mut x = vec![0.0; 3 * TOKENS];
        (x[0], x[TOKENS], x[2 * TOKENS]) = (1.0, 2.0, 6.0);
        let mut scores = x.clone();
        layer_norm(cpu, &mut x, TOKENS, &[1.0, 2.0, 1.0], &[0.0, 0.5, 0.0], 0.0);
        let root = (14.0_f32 / 3.0).sqrt();
        let truths = [-2.0 / root, -2.0 / root + 0.5, 3.0 / root];
        for (found, truth) in [x[0], x[TOKENS], x[2 * TOKENS]].iter().zip(truths) {
            assert!((found - truth).abs() < 1e-6, "{found} {truth}");
        }
        softmax(cpu, &mut scores, TOKENS);
        let total = 1.0_f32.exp() + 2.0_f32.exp() + 6.0_f32.exp();
        assert!((scores[TOKENS] - 2.0_f32.exp() / total).abs() < 1e-6);
    }
}
