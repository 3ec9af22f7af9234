//! What an evaluation may be worth.

use meta_traits::Stream;

use crate::predictor::Posterior;

/// A standard normal number (Box & Muller 1958).
pub(super) fn normal(rng: &mut Stream) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos()
}

/// How far a normal number is expected to fall below `least`: (least - mean) P + sd p at u = (least - mean) / sd.
pub(super) fn gain(p: Posterior, least: f64) -> f64 {
    let sd = p.variance.sqrt();
    let u = (least - p.mean) / sd;
    if !u.is_finite() {
        return 0.0;
    }
    let density = (-0.5 * u * u).exp() / std::f64::consts::TAU.sqrt();
    sd * (u * below(u) + density)
}

/// What one more observation with this noise is expected to gain over `rival`: the knowledge gradient of Frazier, Powell &
/// Dayanik (2009). For the leader, what is gained by learning that it is worse than the second.
pub(super) fn knowledge_gradient(p: Posterior, noise: f64, rival: f64, leads: bool) -> f64 {
    let variance = p.variance * p.variance / (p.variance + noise);
    if leads {
        gain(Posterior { mean: -p.mean, variance }, -rival)
    } else {
        gain(Posterior { mean: p.mean, variance }, rival)
    }
}

/// The standard normal distribution function, to 1.5e-7 (Abramowitz & Stegun 7.1.26).
fn below(u: f64) -> f64 {
    let x = u.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let poly = series.iter().rev().fold(0.0, |sum, c| t * (sum + c));
    let tail = 0.5 * poly * (-x * x).exp();
    if u < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_those_of_the_table() {
        // E max(0, -Z) = p(0) = 0.398942; at one sd above the incumbent 0.083315 (tables of the unit normal loss).
        for (mean, expected) in [(0.0, 0.398_942_3), (1.0, 0.083_315_5), (-1.0, 1.083_315_5)] {
            let found = gain(Posterior { mean, variance: 1.0 }, 0.0);
            assert!((found - expected).abs() < 1e-6, "{mean}: {found}");
        }
        assert!(gain(Posterior { mean: 1.0, variance: 0.0 }, 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_known_well_is_worth_no_repeat() {
        let at = |variance| knowledge_gradient(Posterior { mean: 0.1, variance }, 0.01, 0.0, false);
        assert!(at(0.02) > at(0.005) && at(0.005) > at(1e-5));
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut rng = Stream::root(1);
        let all: Vec<f64> = (0..4000).map(|_| normal(&mut rng)).collect();
        let mean = all.iter().sum::<f64>() / 4000.0;
        let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!(mean.abs() < 0.06 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    }
}
