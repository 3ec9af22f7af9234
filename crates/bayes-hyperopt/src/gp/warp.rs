//! Monotone transforms of the losses before the model sees them.

use serde::{Deserialize, Serialize};

/// How losses are bent.
///
/// `Log(k)` is ln(1 + (y - min)/c) with c = (median - min) 10^-k: what lies far above the best is pressed together, as
/// functions whose values span orders of magnitude need. Its evidence includes the Jacobian, so that the bends compete with
/// each other and with the plain losses. `Depth(k)` is -ln(1 + (max - y)/c) with c = (max - median) 10^-k: it tells the far slopes
/// of deep holes in a plain from the plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warp {
    /// As told.
    Plain,
    /// Logarithmic above the best.
    Log(i8),
    /// Logarithmic below the worst.
    Depth(i8),
}

impl Warp {
    /// Next stronger and weaker bend.
    pub(crate) fn near(self) -> Vec<Self> {
        match self {
            Self::Plain => vec![Self::Log(0), Self::Depth(0)],
            Self::Log(k) if k <= -1 => vec![Self::Plain, Self::Log(0)],
            Self::Log(k) if k >= 4 => vec![Self::Log(k - 1)],
            Self::Depth(k) if k >= 3 => vec![Self::Depth(k - 1)],
            Self::Depth(k) => vec![Self::Depth(k + 1), if k == 0 { Self::Plain } else { Self::Depth(k - 1) }],
            Self::Log(k) => vec![Self::Log(k + 1), if k == 0 { Self::Plain } else { Self::Log(k - 1) }],
        }
    }
}

/// Bent and standardised losses.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    /// Mean 0, variance 1 (all 0 when the losses are equal).
    pub(crate) z: Vec<f64>,
    /// sum ln |dz/dy|: what the bend adds to the log likelihood.
    pub(crate) log_jacobian: f64,
    warp: Warp,
    least: f64,
    most: f64,
    /// What the bend divides by: the whole spread, or c.
    unit: f64,
    mean: f64,
    sd: f64,
}

impl Targets {
    /// O(n log n); losses must be finite.
    pub(crate) fn new(losses: &[f64], warp: Warp) -> Self {
        let n = losses.len() as f64;
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let mut sorted = losses.to_vec();
        sorted.sort_by(f64::total_cmp);
        // Losses near the largest float would overflow in squares.
        let spread = (sorted[sorted.len() - 1] - least).min(f64::MAX);
        let unit = if spread > 0.0 { spread } else { 1.0 };
        let most = sorted[sorted.len() - 1];
        let median = sorted[sorted.len() / 2];
        let scale = |middle: f64, k: i8| middle.max(1e-12 * unit) * libm::pow(10.0, -f64::from(k));
        let unit = match warp {
            Warp::Plain => unit,
            Warp::Log(k) => scale((median - least).min(f64::MAX), k),
            Warp::Depth(k) => scale((most - median).min(f64::MAX), k),
        };
        let (mut bent, mut log_jacobian) = (Vec::with_capacity(losses.len()), 0.0);
        for y in losses {
            let share = match warp {
                Warp::Plain | Warp::Log(_) => (y - least).min(f64::MAX) / unit,
                Warp::Depth(_) => (most - y).min(f64::MAX) / unit,
            };
            let w = match warp {
                Warp::Plain => share,
                Warp::Log(_) => libm::log1p(share),
                Warp::Depth(_) => -libm::log1p(share),
            };
            bent.push(w);
            log_jacobian -= libm::log(unit) + if warp == Warp::Plain { 0.0 } else { libm::log1p(share) };
        }
        let mean = bent.iter().sum::<f64>() / n;
        let variance = bent.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / n;
        let sd = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        for w in &mut bent {
            *w = (*w - mean) / sd;
        }
        Self { z: bent, log_jacobian: log_jacobian - n * libm::log(sd), warp, least, most, unit, mean, sd }
    }

    /// The loss at a target, and how steep it is there.
    pub(crate) fn loss(&self, z: f64) -> (f64, f64) {
        let w = z * self.sd + self.mean;
        match self.warp {
            Warp::Plain => (self.least + self.unit * w, self.unit * self.sd),
            Warp::Log(_) => (self.least + self.unit * libm::expm1(w), self.unit * self.sd * libm::exp(w)),
            Warp::Depth(_) => (self.most - self.unit * libm::expm1(-w), self.unit * self.sd * libm::exp(-w)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bends_are_monotone_and_their_jacobian_is_right() {
        let losses = [3.0, 1.0, 5e5, 1.5, 40.0, 1.0];
        for warp in [Warp::Plain, Warp::Log(-1), Warp::Log(0), Warp::Log(2), Warp::Depth(0), Warp::Depth(2)] {
            let targets = Targets::new(&losses, warp);
            for i in 0..losses.len() {
                for j in 0..losses.len() {
                    assert_eq!(losses[i] < losses[j], targets.z[i] < targets.z[j], "{warp:?}");
                }
            }
            assert!((targets.z.iter().sum::<f64>()).abs() < 1e-12);
            for (z, y) in targets.z.iter().zip(&losses) {
                assert!((targets.loss(*z).0 - y).abs() < 1e-9 * y.abs().max(1.0), "{warp:?}");
            }
        }
        let one = Targets::new(&[7.0], Warp::Log(0));
        assert_eq!(one.z, [0.0]);
        let huge = Targets::new(&[-1e308, 1e308, 0.0], Warp::Plain);
        assert!(huge.z.iter().all(|z| z.is_finite()));
    }
}
