#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function compiled for its instruction set"
)]

use std::any::TypeId;

use pulp::{Arch, Scalar256b, Simd, WithSimd};

/// The instruction set of the kernels, found once at run time.
///
/// The same binary on the same set gives the same bits; sets with and without fused multiply-add differ in the last.
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
    if fused::<S>() { simd.mul_add_f32s(a, b, c) } else { simd.add_f32s(simd.mul_f32s(a, b), c) }
}

/// `a * b + c` in one lane; loops over it become vector code.
#[inline(always)]
pub(crate) fn madd1<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if fused::<S>() { a.mul_add(b, c) } else { a * b + c }
}
