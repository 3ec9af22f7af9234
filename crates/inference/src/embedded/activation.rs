use pulp::{Simd, WithSimd};

use super::simd::{Cpu, exp};

/// `out = x * w / rms(x)` for every column of a feature-major matrix (Zhang & Sennrich 2019, eq. 4).
pub(crate) fn rms_norm(cpu: Cpu, x: &[f32], gains: &[f32], epsilon: f32, stride: usize, out: &mut [f32]) {
    struct Norm<'a> {
        x: &'a [f32],
        gains: &'a [f32],
        epsilon: f32,
        stride: usize,
        out: &'a mut [f32],
    }
    impl WithSimd for Norm<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let mut factors = vec![0.0_f32; self.stride];
            for row in self.x.chunks_exact(self.stride) {
                for (sum, x) in factors.iter_mut().zip(row) {
                    *sum += x * x;
                }
            }
            let features = self.gains.len() as f32;
            for factor in &mut factors {
                *factor = 1.0 / (*factor / features + self.epsilon).sqrt();
            }
            let rows = self.x.chunks_exact(self.stride).zip(self.out.chunks_exact_mut(self.stride));
            for ((x, out), gain) in rows.zip(self.gains) {
                for ((out, x), factor) in out.iter_mut().zip(x).zip(&factors) {
                    *out = x * factor * gain;
                }
            }
        }
    }
    cpu.run(Norm { x, gains, epsilon, stride, out });
}

/// `gate = silu(gate) * up` (Shazeer 2020, SwiGLU).
pub(crate) fn gated_silu(cpu: Cpu, gate: &mut [f32], up: &[f32]) {
    struct Gate<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Gate<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (g, u) in self.0.iter_mut().zip(self.1) {
                *g = *g / (1.0 + exp::<S>(-*g)) * u;
            }
        }
    }
    cpu.run(Gate(gate, up));
}

/// `x += y`.
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// Cosines and sines of rotary positions (Su et al. 2021), for pairs of neighbouring features as GGUF files of the
/// llama architecture order them. Entry (pair i, token t) lies at `i * stride + t`.
pub(crate) struct Rotation {
    cosines: Vec<f32>,
    sines: Vec<f32>,
    stride: usize,
}

impl Rotation {
    /// Angles `position * frequency`. Columns beyond the positions do not turn.
    pub(crate) fn new(frequencies: &[f64], positions: &[u32], stride: usize) -> Self {
        let mut cosines = vec![1.0; frequencies.len() * stride];
        let mut sines = vec![0.0; frequencies.len() * stride];
        for (i, frequency) in frequencies.iter().enumerate() {
            for (t, &position) in positions.iter().enumerate() {
                let (sine, cosine) = (f64::from(position) * frequency).sin_cos();
                cosines[i * stride + t] = cosine as f32;
                sines[i * stride + t] = sine as f32;
            }
        }
        Self { cosines, sines, stride }
    }

    /// Turns every head of `x`; features of a head beyond the turned ones stay.
    pub(crate) fn turn(&self, cpu: Cpu, x: &mut [f32], head: usize) {
        struct Turn<'a>(&'a Rotation, &'a mut [f32], usize);
        impl WithSimd for Turn<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                let Self(Rotation { cosines, sines, stride }, x, head) = self;
                for x in x.chunks_exact_mut(head * stride) {
                    let angles = cosines.chunks_exact(*stride).zip(sines.chunks_exact(*stride));
                    for (pair, (cosines, sines)) in x.chunks_exact_mut(2 * stride).zip(angles) {
                        let (a, b) = pair.split_at_mut(*stride);
                        for (((a, b), c), s) in a.iter_mut().zip(b).zip(cosines).zip(sines) {
                            (*a, *b) = (*a * c - *b * s, *a * s + *b * c);
                        }
                    }
                }
            }
        }
        cpu.run(Turn(self, x, head));
    }
}

/// Turns each column of `scores` into weights that sum to `sums[column]`, by softmax without the final division.
pub(crate) fn soften(cpu: Cpu, scores: &mut [f32], stride: usize, sums: &mut Vec<f32>) {
    struct Soften<'a>(&'a mut [f32], usize, &'a mut [f32]);
    impl WithSimd for Soften<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(scores, stride, sums) = self;
            let mut tops = vec![f32::NEG_INFINITY; stride];
            for row in scores.chunks_exact(stride) {
                for (top, s) in tops.iter_mut().zip(row) {
                    *top = if *s > *top { *s } else { *top };
                }
            }
            for row in scores.chunks_exact_mut(stride) {
                for ((s, top), sum) in row.iter_mut().zip(&tops).zip(&mut *sums) {
                    *s = exp::<S>(*s - top);
                    *sum += *s;
                }
            }
        }
    }
    sums.clear();
    sums.resize(stride, 0.0);
    cpu.run(Soften(scores, stride, sums));
}

/// For each column of `logits`, its greatest entry and the sum of e^(entry - greatest).
pub(crate) fn partition(cpu: Cpu, logits: &[f32], stride: usize) -> Vec<(f32, f64)> {
    /// Rows summed in single precision before they go into the double-precision sum.
    const RUN: usize = 64;
    struct Partition<'a>(&'a [f32], usize);
    impl WithSimd for Partition<'_> {
        type Output = Vec<(f32, f64)>;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Self::Output {
            let Self(logits, stride) = self;
            let mut tops = vec![f32::NEG_INFINITY; stride];
            for row in logits.chunks_exact(stride) {
                for (top, s) in tops.iter_mut().zip(row) {
                    *top = if *s > *top { *s } else { *top };
                }
            }
            let mut totals = vec![0.0_f64; stride];
            let mut part = vec![0.0_f32; stride];
            for rows in logits.chunks(stride * RUN) {
                part.fill(0.0);
                for row in rows.chunks_exact(stride) {
                    for ((s, top), part) in row.iter().zip(&tops).zip(&mut part) {
                        *part += exp::<S>(*s - top);
                    }
                }
                for (total, part) in totals.iter_mut().zip(&part) {
                    *total += f64::from(*part);
                }
            }
            tops.into_iter().zip(totals).collect()
        }
    }
    cpu.run(Partition(logits, stride))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norm_makes_unit_mean_square() {
        let cpu = Cpu::detect();
        let x = [3.0, 0.0, -4.0, 5.0];
        let mut out = [0.0; 4];
        rms_norm(cpu, &x, &[1.0, 2.0], 0.0, 2, &mut out);
        let root = 12.5_f32.sqrt();
        for (a, b) in out.iter().zip([3.0 / root, 0.0, -8.0 / root, 10.0 / root]) {
            assert!((a - b).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn rotation_keeps_lengths_and_turns_by_the_angle() {
        let cpu = Cpu::detect();
        let rotation = Rotation::new(&[0.5], &[0, 3], 2);
        let mut x = [1.0, 1.0, 0.0, 0.0, 7.0, 7.0];
        rotation.turn(cpu, &mut x, 3);
        let expected = [1.0, 1.5_f32.cos(), 0.0, 1.5_f32.sin(), 7.0, 7.0];
        for (a, b) in x.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{x:?}");
        }
    }

    #[test]
    fn softmax_gives_masked_scores_no_weight() {
        let cpu = Cpu::detect();
        let mut scores = [1.0, f32::NEG_INFINITY, 2.0, 5.0];
        let mut sums = Vec::new();
        soften(cpu, &mut scores, 2, &mut sums);
        assert_eq!([scores[1].to_bits(), sums[1].to_bits()], [0.0_f32.to_bits(), 1.0_f32.to_bits()]);
        assert!((scores[0] / sums[0] - 1.0 / (1.0 + 1.0_f32.exp())).abs() < 1e-6);
    }

    #[test]
    fn partition_is_the_log_sum_of_exponentials() {
        let cpu = Cpu::detect();
        let logits: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.7).sin() * 9.0).collect();
        let (top, total) = partition(cpu, &logits, 1)[0];
        let truth: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum::<f64>().ln();
        assert!((f64::from(top) + total.ln() - truth).abs() < 1e-6);
    }
}
