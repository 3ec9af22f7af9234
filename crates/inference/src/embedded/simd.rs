use std::any::TypeId;

use pulp::{Arch, Scalar256b, Simd, WithSimd};

/// The instruction set that the kernels run with, found once at run time.
///
/// Kernels are written once, generic over [`Simd`]; every element they compute is one chain of operations in an
/// order that does not depend on the width of the registers, so widths differ in speed alone. Instruction sets with
/// and without fused multiply-add differ in the last bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu(Option<Arch>);

impl Cpu {
    /// The widest set this machine has.
    pub(crate) fn detect() -> Self {
        match Arch::new() {
            Arch::Scalar => Self(None),
            arch => Self(Some(arch)),
        }
    }

    /// No special instructions, as on a machine without any of the known sets.
    pub(crate) fn baseline() -> Self {
        Self(None)
    }

    /// Runs a kernel compiled for this set.
    #[inline]
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self.0 {
            Some(arch) => arch.dispatch(op),
            None => op.with_simd(Scalar256b),
        }
    }
}

/// Whether `S` multiplies and adds in one step. A constant after inlining.
#[inline(always)]
pub(crate) fn fused<S: Simd>() -> bool {
    TypeId::of::<S>() != TypeId::of::<Scalar256b>()
}

/// `a * b + c` in vectors.
#[inline(always)]
pub(crate) fn madd<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if fused::<S>() { simd.mul_add_e_f32s(a, b, c) } else { simd.add_f32s(simd.mul_f32s(a, b), c) }
}

/// `a * b + c` in one lane; loops over it become vector code.
#[inline(always)]
pub(crate) fn madd1<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if fused::<S>() { a.mul_add(b, c) } else { a * b + c }
}

/// e^x within 2 units in the last place; 0 below -87, so that a masked score (minus infinity) weighs exactly nothing.
///
/// Cephes' `expf`: x = n ln 2 + r, a polynomial of degree 6 in r, then n into the exponent. No branches, so that
/// loops over it become vector code.
#[inline(always)]
pub(crate) fn exp<S: Simd>(x: f32) -> f32 {
    /// Adding and subtracting it rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x > 88.0 { 88.0 } else { x };
    let clamped = if clamped < -87.0 { -87.0 } else { clamped };
    let shifted = madd1::<S>(clamped, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = madd1::<S>(n, -0.693_359_4, clamped);
    let r = madd1::<S>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    p = madd1::<S>(p, r, 1.398_199_9e-3);
    p = madd1::<S>(p, r, 8.333_452e-3);
    p = madd1::<S>(p, r, 4.166_579_6e-2);
    p = madd1::<S>(p, r, 0.166_666_65);
    p = madd1::<S>(p, r, 0.5);
    let y = madd1::<S>(p * r, r, r) + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < -87.0 { 0.0 } else { y * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exp<'a>(&'a mut [f32]);
    impl WithSimd for Exp<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for x in self.0 {
                *x = exp::<S>(*x);
            }
        }
    }

    #[test]
    fn exp_is_close_everywhere_and_zero_where_masked() {
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let xs: Vec<f32> = (0..175_000).map(|i| i as f32 * 1e-3 - 87.0).collect();
            let mut ys = xs.clone();
            cpu.run(Exp(&mut ys));
            for (x, y) in xs.iter().zip(&ys) {
                let truth = f64::from(*x).exp();
                assert!((f64::from(*y) / truth - 1.0).abs() < 3e-7, "exp({x}) = {y}, truth {truth}");
            }
            let mut masked = vec![f32::NEG_INFINITY, -88.0, 0.0];
            cpu.run(Exp(&mut masked));
            assert_eq!(masked, [0.0, 0.0, 1.0]);
        }
    }
}
