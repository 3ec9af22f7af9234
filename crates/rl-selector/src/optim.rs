//! Adam whose whole state can be saved.

#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function compiled for its instruction set"
)]

use pulp::{Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::bits;
use crate::cpu::Cpu;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Adam (Kingma & Ba 2015, algorithm 1) with the moments in the open, so that a run can be taken up bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adam {
    rate: f64,
    steps: u64,
    #[serde(with = "bits::f32s")]
    first: Vec<f32>,
    #[serde(with = "bits::f32s")]
    second: Vec<f32>,
}

impl Adam {
    /// For so many parameters, with this step size.
    pub(crate) fn new(parameters: usize, rate: f64) -> Self {
        Self { rate, steps: 0, first: vec![0.0; parameters], second: vec![0.0; parameters] }
    }

    /// Whether this state belongs to so many parameters.
    pub(crate) fn fits(&self, parameters: usize) -> bool {
        self.first.len() == parameters && self.second.len() == parameters && self.rate.is_finite()
    }

    /// One step down `scale` times the gradient, of `rate` times the usual size.
    pub(crate) fn step(&mut self, cpu: Cpu, parameters: &mut [f32], gradient: &[f32], scale: f32, rate: f64) {
        self.steps += 1;
        let power = self.steps.min(1 << 30) as i32;
        let unbias_1 = 1.0 - f64::from(BETA_1).powi(power);
        let unbias_2 = 1.0 - f64::from(BETA_2).powi(power);
        cpu.run(Step {
            rate: (rate * self.rate / unbias_1) as f32,
            unbias: (1.0 / unbias_2.sqrt()) as f32,
            scale,
            parameters,
            gradient,
            first: &mut self.first,
            second: &mut self.second,
        });
    }
}

struct Step<'a> {
    rate: f32,
    unbias: f32,
    scale: f32,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Step<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let moments = self.first.iter_mut().zip(self.second);
        for ((p, g), (m, v)) in self.parameters.iter_mut().zip(self.gradient).zip(moments) {
            let g = self.scale * *g;
            *m += (1.0 - BETA_1) * (g - *m);
            *v += (1.0 - BETA_2) * (g * g - *v);
            *p -= self.rate * *m / (v.sqrt() * self.unbias + EPSILON);
        }
    }
}

/// Moves `target` the share `tau` of the way to `source` (Lillicrap et al. 2016, section 3).
pub(crate) fn approach(cpu: Cpu, target: &mut [f32], source: &[f32], tau: f32) {
    struct Approach<'a>(&'a mut [f32], &'a [f32], f32);
    impl WithSimd for Approach<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            self.0.iter_mut().zip(self.1).for_each(|(t, s)| *t += self.2 * (s - *t));
        }
    }
    cpu.run(Approach(target, source, tau));
}

/// The square of the Euclidean norm, in eight interleaved sums so that it becomes vector code.
pub(crate) fn norm_squared(cpu: Cpu, numbers: &[f32]) -> f32 {
    struct Norm<'a>(&'a [f32]);
    impl WithSimd for Norm<'_> {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> f32 {
            let (eights, rest) = self.0.as_chunks::<8>();
            let mut sums = [0.0_f32; 8];
            for eight in eights {
                sums.iter_mut().zip(eight).for_each(|(sum, x)| *sum += x * x);
            }
            sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
        }
    }
    cpu.run(Norm(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's algorithm in double precision, on a bowl.
    #[test]
    fn steps_are_those_of_the_paper() {
        let cpu = Cpu::detect();
        let mut adam = Adam::new(3, 0.01);
        let mut x = [1.0_f32, -2.0, 0.5];
        let mut plain = [1.0_f64, -2.0, 0.5];
        let (mut m, mut v) = ([0.0_f64; 3], [0.0_f64; 3]);
        for t in 1..=200 {
            let gradient = [2.0 * x[0], 8.0 * x[1], x[2]];
            adam.step(cpu, &mut x, &gradient, 1.0, 1.0);
            let gradient = [2.0 * plain[0], 8.0 * plain[1], plain[2]];
            for i in 0..3 {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                let (m, v) = (m[i] / (1.0 - 0.9_f64.powi(t)), v[i] / (1.0 - 0.999_f64.powi(t)));
                plain[i] -= 0.01 * m / (v.sqrt() + 1e-8);
            }
        }
        for (x, plain) in x.iter().zip(plain) {
            assert!((f64::from(*x) - plain).abs() < 1e-4, "{x} {plain}");
        }
    }

    #[test]
    fn a_saved_state_goes_on_bit_for_bit() {
        let cpu = Cpu::detect();
        let mut adam = Adam::new(2, 0.1);
        let mut x = [1.0_f32, 2.0];
        adam.step(cpu, &mut x, &[0.3, -0.7], 0.5, 1.0);
        let mut back: Adam = serde_json::from_str(&serde_json::to_string(&adam).unwrap()).unwrap();
        let mut y = x;
        adam.step(cpu, &mut x, &[0.1, 0.2], 1.0, 1.0);
        back.step(cpu, &mut y, &[0.1, 0.2], 1.0, 1.0);
        assert_eq!((x.map(f32::to_bits), adam), (y.map(f32::to_bits), back));
    }

    #[test]
    fn the_target_moves_its_share_and_norms_are_sums() {
        let mut target = [0.0, 10.0];
        approach(Cpu::detect(), &mut target, &[1.0, 0.0], 0.25);
        assert_eq!(target.map(f32::to_bits), [0.25_f32, 7.5].map(f32::to_bits));
        let numbers: Vec<f32> = (1..=19).map(|i| i as f32).collect();
        assert!((norm_squared(Cpu::detect(), &numbers) - 2470.0).abs() < 1e-3);
    }
}
