//! The few functions of the normal law that plain formulas get wrong in the tails.
//!
//! Ament et al. 2023, "Unexpected Improvements to Expected Improvement", appendix A, with the far tail and the gradient
//! written so that nothing cancels. Bound, tested against 50-digit references on z in [-1e9, 10]: error/(1 + |value|)
//! at most 1e-12, for values and gradients.

use std::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, SQRT_2};

/// ln(2 pi) / 2.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;
/// Below this z the series in 1/z^2 is exact to rounding.
const FAR: f64 = -50.0;

/// exp(x^2) erfc(x), relative error below 1e-13 for x >= 0; infinite below about -26.6.
pub(crate) fn erfcx(x: f64) -> f64 {
    if x < 25.0 {
        // x^2 in two parts, so that the rounding of the square is not blown up by the exponential.
        let square = x * x;
        let rest = libm::fma(x, x, -square);
        return libm::exp(square) * (1.0 + rest) * libm::erfc(x);
    }
    let s = 1.0 / (2.0 * x * x);
    let series = 1.0 - s * (1.0 - 3.0 * s * (1.0 - 5.0 * s * (1.0 - 7.0 * s * (1.0 - 9.0 * s))));
    0.5 * FRAC_2_SQRT_PI / x * series
}

/// Density of the standard normal law.
pub(crate) fn density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z - HALF_LN_TAU)
}

/// Distribution function of the standard normal law.
pub(crate) fn distribution(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// ln of the distribution function and its derivative, without underflow.
pub(crate) fn log_distribution(z: f64) -> (f64, f64) {
    if z > -1.0 {
        let phi = distribution(z);
        return (libm::log(phi), density(z) / phi);
    }
    let scaled = erfcx(-z / SQRT_2);
    (-0.5 * z * z + libm::log(0.5 * scaled), 1.0 / (libm::sqrt(FRAC_PI_2) * scaled))
}

/// What log expected improvement needs of h(z) = phi(z) + z Phi(z).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LogH {
    /// ln h(z).
    pub(crate) value: f64,
    /// Phi(z) / h(z), the derivative of the value.
    pub(crate) slope: f64,
    /// phi(z) / h(z).
    pub(crate) density: f64,
}

/// ln h and the two ratios its gradient needs.
pub(crate) fn log_h(z: f64) -> LogH {
    if z > -1.0 {
        let (pdf, cdf) = (density(z), distribution(z));
        let h = pdf + z * cdf;
        return LogH { value: libm::log(h), slope: cdf / h, density: pdf / h };
    }
    let a = -z;
    if z > FAR {
        // m = a * (Mills ratio), in (0, 1).
        let mills = libm::sqrt(FRAC_PI_2) * erfcx(a / SQRT_2);
        let gap = if a < 5.0 { 1.0 - a * mills } else { tail_gap(a) };
        return LogH {
            value: -0.5 * z * z - HALF_LN_TAU + libm::log(gap),
            slope: mills / gap,
            density: 1.0 / gap,
        };
    }
    let s = 1.0 / (z * z);
    let d = 1.0 - s * (3.0 - s * (15.0 - s * (105.0 - s * 945.0)));
    let n = 1.0 - s * (1.0 - s * (3.0 - s * (15.0 - s * 105.0)));
    LogH {
        value: -0.5 * z * z - HALF_LN_TAU - 2.0 * libm::log(a) + libm::log(d),
        slope: a * n / d,
        density: z * z / d,
    }
}

/// 1 - a M(a) with Mills' ratio M, for a >= 5: the continued fraction a + 1/(a + 2/(a + 3/...)) of 1/M without the
/// cancellation of the difference.
fn tail_gap(a: f64) -> f64 {
    let mut tail = a;
    for k in (2..=60).rev() {
        tail = a + f64::from(k) / tail;
    }
    // 1/M = a + 1/tail, hence 1 - a M = (1/tail) / (a + 1/tail).
    1.0 / (a * tail + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows (z, ln h, Phi/h, phi/h, ln Phi, phi/Phi, erfcx(-z/sqrt 2)) by tests/golden/log_h.py.
    #[test]
    fn agrees_with_fifty_digit_references() {
        let rows: Vec<[f64; 7]> = serde_json::from_str(include_str!("../tests/golden/log_h.json")).unwrap();
        assert!(rows.len() > 1000);
        let near = |found: f64, reference: f64| (found - reference).abs() / (1.0 + reference.abs());
        for [z, value, slope, density, log_phi, hazard, scaled] in rows {
            let h = log_h(z);
            assert!(near(h.value, value) <= 1e-12, "ln h({z}) = {} against {value}", h.value);
            assert!(near(h.slope, slope) <= 1e-12, "Phi/h({z}) = {} against {slope}", h.slope);
            assert!(near(h.density, density) <= 1e-12, "phi/h({z}) = {} against {density}", h.density);
            let (found, gradient) = log_distribution(z);
            assert!(near(found, log_phi) <= 1e-12, "ln Phi({z}) = {found} against {log_phi}");
            assert!(near(gradient, hazard) <= 1e-12, "phi/Phi({z}) = {gradient} against {hazard}");
            if scaled.is_finite() {
                assert!(near(erfcx(-z / SQRT_2), scaled) <= 1e-12, "erfcx at {z}");
            }
        }
    }
}
