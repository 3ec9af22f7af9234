//! Loops that the compiler turns into vector code, with the same bits on every CPU.
//!
//! Sums run over eight lanes in a fixed order and nothing is fused, so the width of the machine's vectors changes the
//! speed alone.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatched closure is compiled for its CPU"
)]

pub(crate) const LANES: usize = 8;

/// `exp(x)` for x <= 0 to 2 units in the last place; 0 below -708. Cody and Waite's reduction, Taylor to degree 13.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let clamped = if x < -708.0 { -708.0 } else { x };
    let shifted = clamped * std::f64::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let r = (clamped - whole * LN2_HIGH) - whole * LN2_LOW;
    let mut p = 1.0 / 6_227_020_800.0;
    p = p * r + 1.0 / 479_001_600.0;
    p = p * r + 1.0 / 39_916_800.0;
    p = p * r + 1.0 / 3_628_800.0;
    p = p * r + 1.0 / 362_880.0;
    p = p * r + 1.0 / 40_320.0;
    p = p * r + 1.0 / 5_040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    if x < -708.0 { 0.0 } else { p * power }
}

/// Sum of a[i] b[i] c[i] over the common length.
#[inline(always)]
pub(crate) fn sum3(a: &[f64], b: &[f64], c: &[f64]) -> f64 {
    let n = a.len().min(b.len()).min(c.len());
    let whole = n - n % LANES;
    let mut lanes = [0.0; LANES];
    let chunks = a[..whole].chunks_exact(LANES).zip(b[..whole].chunks_exact(LANES));
    for ((a, b), c) in chunks.zip(c[..whole].chunks_exact(LANES)) {
        for l in 0..LANES {
            lanes[l] += a[l] * b[l] * c[l];
        }
    }
    let mut rest = 0.0;
    for i in whole..n {
        rest += a[i] * b[i] * c[i];
    }
    fold(lanes) + rest
}

/// Sum of a[i] b[i] over the common length.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let whole = n - n % LANES;
    let mut lanes = [0.0; LANES];
    for (a, b) in a[..whole].chunks_exact(LANES).zip(b[..whole].chunks_exact(LANES)) {
        for l in 0..LANES {
            lanes[l] += a[l] * b[l];
        }
    }
    let mut rest = 0.0;
    for i in whole..n {
        rest += a[i] * b[i];
    }
    fold(lanes) + rest
}

#[inline(always)]
fn fold(l: [f64; LANES]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_rounding() {
        for i in 0..20_000 {
            let x = -f64::from(i) * 0.036;
            let reference = libm::exp(x);
            if x >= -708.0 {
                assert!((exp(x) - reference).abs() <= 4.5e-16 * reference, "{x}");
            } else {
                assert!(exp(x).abs() <= f64::MIN_POSITIVE, "{x}");
            }
        }
        assert_eq!((exp(0.0), exp(f64::NEG_INFINITY)), (1.0, 0.0));
    }
}
