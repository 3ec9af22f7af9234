use pulp::{Simd, WithSimd};

use super::simd::{Cpu, exp, madd1};
use super::weights::GROUP;

/// `out = x * w / rms(x)` for every row of `stride` numbers (Zhang & Sennrich 2019, eq. 4).
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
            let Self { x, gains, epsilon, stride, out } = self;
            for (x, out) in x.chunks_exact(stride).zip(out.chunks_exact_mut(stride)) {
                let x = &x[..gains.len()];
                let factor = 1.0 / (squares::<S>(x) / gains.len() as f32 + epsilon).sqrt();
                for ((out, x), gain) in out.iter_mut().zip(x).zip(gains) {
                    *out = x * factor * gain;
                }
            }
        }
    }
    cpu.run(Norm { x, gains, epsilon, stride, out });
}

/// The sum of squares, in an order that does not depend on the width of the registers.
#[inline(always)]
fn squares<S: Simd>(x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; GROUP];
    let (lines, rest) = x.as_chunks::<GROUP>();
    for line in lines {
        for (sum, x) in sums.iter_mut().zip(line) {
            *sum = madd1::<S>(*x, *x, *sum);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum = madd1::<S>(*x, *x, *sum);
    }
    sums.iter().sum()
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

/// `x += y` for rows of `x_stride` and `y_stride` numbers, as many of each as the shorter has.
pub(crate) fn add(x: &mut [f32], x_stride: usize, y: &[f32], y_stride: usize) {
    for (x, y) in x.chunks_exact_mut(x_stride).zip(y.chunks_exact(y_stride)) {
        for (x, y) in x.iter_mut().zip(y) {
            *x += y;
        }
    }
}

/// Cosines and sines of rotary positions (Su et al. 2021), for pairs of neighbouring features as GGUF files of the
/// llama architecture order them.
pub(crate) struct Rotation {
    /// Cosine and sine for each pair of each token, token after token.
    turns: Vec<(f32, f32)>,
    pairs: usize,
}

impl Rotation {
    /// Angles `position * frequency`.
    pub(crate) fn new(frequencies: &[f64], positions: impl Iterator<Item = u32>) -> Self {
        let turn = |position: u32, frequency: &f64| {
            let (sine, cosine) = (f64::from(position) * frequency).sin_cos();
            (cosine as f32, sine as f32)
        };
        let turns = positions.flat_map(|p| frequencies.iter().map(move |f| turn(p, f))).collect();
        Self { turns, pairs: frequencies.len() }
    }

    /// Turns the first `heads` heads of token `token`, whose numbers `x` holds; features of a head beyond the turned
    /// ones stay.
    pub(crate) fn turn(&self, token: usize, x: &mut [f32], head: usize, heads: usize) {
        let turns = &self.turns[token * self.pairs..(token + 1) * self.pairs];
        for x in x.chunks_exact_mut(head).take(heads) {
            for ([a, b], (cosine, sine)) in x.as_chunks_mut().0.iter_mut().zip(turns) {
                (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
            }
        }
    }
}

/// The greatest number; minus infinity of none.
#[inline(always)]
pub(crate) fn greatest(numbers: &[f32]) -> f32 {
    let mut tops = [f32::NEG_INFINITY; GROUP];
    let (lines, rest) = numbers.as_chunks::<GROUP>();
    for line in lines {
        for (top, x) in tops.iter_mut().zip(line) {
            *top = if *x > *top { *x } else { *top };
        }
    }
    tops.iter().chain(rest).fold(f32::NEG_INFINITY, |top, x| if *x > top { *x } else { top })
}

/// Turns scores into weights e^(score - greatest score): a softmax without its division.
#[inline(always)]
pub(crate) fn soften<S: Simd>(scores: &mut [f32]) {
    let top = greatest(scores);
    for score in scores {
        *score = exp::<S>(*score - top);
    }
}

/// The greatest of `logits` and the sum of e^(logit - greatest).
pub(crate) fn partition(cpu: Cpu, logits: &[f32]) -> (f32, f64) {
    /// Numbers summed in single precision before they go into the double-precision sum.
    const RUN: usize = 64 * GROUP;
    struct Partition<'a>(&'a [f32]);
    impl WithSimd for Partition<'_> {
        type Output = (f32, f64);
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Self::Output {
            let top = greatest(self.0);
            let mut total = 0.0_f64;
            for run in self.0.chunks(RUN) {
                let mut sums = [0.0_f32; GROUP];
                let (lines, rest) = run.as_chunks::<GROUP>();
                for line in lines {
                    for (sum, x) in sums.iter_mut().zip(line) {
                        *sum += exp::<S>(*x - top);
                    }
                }
                for (sum, x) in sums.iter_mut().zip(rest) {
                    *sum += exp::<S>(*x - top);
                }
                total += sums.iter().map(|sum| f64::from(*sum)).sum::<f64>();
            }
            (top, total)
        }
    }
    cpu.run(Partition(logits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norm_makes_unit_mean_square() {
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let x = [3.0, -4.0, 9e9, 0.0, 5.0, 9e9];
            let mut out = [0.0; 6];
            rms_norm(cpu, &x, &[1.0, 2.0], 0.0, 3, &mut out);
            let root = 12.5_f32.sqrt();
            for (a, b) in out.iter().zip([3.0 / root, -8.0 / root, 0.0, 0.0, 10.0 / root, 0.0]) {
                assert!((a - b).abs() < 1e-6, "{out:?}");
            }
        }
    }

    #[test]
    fn rotation_keeps_lengths_and_turns_by_the_angle() {
        let rotation = Rotation::new(&[0.5], [0, 3].into_iter());
        let start = [1.0, 0.0, 7.0, 0.0, 2.0, 7.0, 5.0];
        let (mut x, mut y) = (start, start);
        rotation.turn(0, &mut x, 3, 2);
        assert_eq!(x.map(f32::to_bits), start.map(f32::to_bits));
        rotation.turn(1, &mut y, 3, 2);
        let (sine, cosine) = 1.5_f32.sin_cos();
        for (a, b) in y.iter().zip([cosine, sine, 7.0, -2.0 * sine, 2.0 * cosine, 7.0, 5.0]) {
            assert!((a - b).abs() < 1e-6, "{y:?}");
        }
    }

    #[test]
    fn softmax_gives_masked_scores_no_weight() {
        struct Soften<'a>(&'a mut [f32]);
        impl WithSimd for Soften<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                soften::<S>(self.0);
            }
        }
        let mut scores = [1.0, f32::NEG_INFINITY, 2.0, 5.0];
        Cpu::detect().run(Soften(&mut scores));
        assert_eq!(scores[1].to_bits(), 0.0_f32.to_bits());
        assert_eq!(scores[3].to_bits(), 1.0_f32.to_bits());
        assert!((scores[0] - (-4.0_f32).exp()).abs() < 1e-6);
    }

    #[test]
    fn partition_is_the_log_sum_of_exponentials() {
        let logits: Vec<f32> = (0..3001).map(|i| (i as f32 * 0.7).sin() * 9.0).collect();
        let truth: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum::<f64>().ln();
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let (top, total) = partition(cpu, &logits);
            assert!((f64::from(top) + total.ln() - truth).abs() < 1e-6);
        }
    }
}
