use pulp::{Simd, WithSimd};

use super::simd::{Cpu, exp};

/// `gate = gelu(gate) * up`, GELU by its hyperbolic tangent (Hendrycks & Gimpel 2016; Shazeer 2020, GEGLU).
pub(crate) fn gated_gelu(cpu: Cpu, gate: &mut [f32], up: &[f32]) {
    struct Gate<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Gate<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            /// Twice the root of 2 / pi.
            const TWICE: f32 = 1.595_769;
            for (g, u) in self.0.iter_mut().zip(self.1) {
                // 0.5 * (1 + tanh(z)) is the logistic function of 2 z.
                let doubled = TWICE * (*g + 0.044_715 * *g * *g * *g);
                *g = *g / (1.0 + exp::<S>(-doubled)) * u;
            }
        }
    }
    cpu.run(Gate(gate, up));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_follows_its_formula() {
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let xs: Vec<f32> = (-60..=60).map(|i| i as f32 * 0.25).collect();
            let mut gate = xs.clone();
            gated_gelu(cpu, &mut gate, &vec![2.0; xs.len()]);
            for (x, found) in xs.iter().zip(gate) {
                let x = f64::from(*x);
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                let truth = x * (1.0 + inner.tanh());
                assert!((f64::from(found) - truth).abs() < 1e-5 * (1.0 + truth.abs()), "{x} {found} {truth}");
            }
        }
    }
}
