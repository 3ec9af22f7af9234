//! Monotone transforms of the losses before the model sees them.

use serde::{Deserialize, Serialize};

use super::power;

/// How losses are bent.
///
/// `Log(k)` is ln(1 + (y - min)/c) with c = (median - min) 10^-k: what lies far above the best is pressed together, as
/// functions whose values span orders of magnitude need. `Depth(k)` is -ln(1 + (max - y)/c) with c = (max - median) 10^-k: it
/// tells the far slopes of deep holes in a plain from the plain. `Power` is the transform of Yeo & Johnson (2000) with the
/// likeliest power, of losses less their median in quartile ranges. `Tamed` leaves losses as told up to the median and five
/// quartile ranges; what lies above grows with its logarithm (winsorising, but one to one). Their evidence includes the
/// Jacobian, and half of ln n for a power that is learnt, so that the bends compete with each other and with the plain losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warp {
    /// As told.
    Plain,
    /// Logarithmic above the best.
    Log(i8),
    /// Logarithmic below the worst.
    Depth(i8),
    /// Towards a normal law.
    Power,
    /// Logarithmic far above the median.
    Tamed,
}

/// Quartile ranges above the median from which losses are tamed.
const WILD: f64 = 5.0;

impl Warp {
    /// Next stronger and weaker bend; the rarer two are tried on their own.
    pub(crate) fn near(self) -> Vec<Self> {
        match self {
            Self::Plain => vec![Self::Log(0), Self::Depth(0)],
            Self::Log(k) if k <= -1 => vec![Self::Plain, Self::Log(0)],
            Self::Log(k) if k >= 4 => vec![Self::Log(k - 1)],
            Self::Depth(k) if k >= 3 => vec![Self::Depth(k - 1)],
            Self::Depth(k) => vec![Self::Depth(k + 1), if k == 0 { Self::Plain } else { Self::Depth(k - 1) }],
            Self::Log(k) => vec![Self::Log(k + 1), if k == 0 { Self::Plain } else { Self::Log(k - 1) }],
            Self::Power | Self::Tamed => vec![Self::Plain, Self::Log(0)],
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
    bend: Bend,
    mean: f64,
    sd: f64,
}

/// A bend with its numbers.
#[derive(Clone, Copy, Debug)]
struct Bend {
    warp: Warp,
    /// Where shares are counted from: the least loss, the greatest, or the median.
    from: f64,
    /// What the bend divides by.
    unit: f64,
    /// Of the power transform.
    power: f64,
}

impl Bend {
    fn new(losses: &[f64], warp: Warp) -> Self {
        let mut sorted = losses.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let (least, most, median) = (sorted[0], sorted[n - 1], sorted[n / 2]);
        // Losses near the largest float would overflow in squares.
        let spread = (most - least).min(f64::MAX);
        let whole = if spread > 0.0 { spread } else { 1.0 };
        let scale = |middle: f64, k: i8| middle.max(1e-12 * whole) * libm::pow(10.0, -f64::from(k));
        let quartiles = (sorted[3 * n / 4] - sorted[n / 4]).min(f64::MAX).max(1e-12 * whole);
        let (from, unit) = match warp {
            Warp::Plain => (least, whole),
            Warp::Log(k) => (least, scale((median - least).min(f64::MAX), k)),
            Warp::Depth(k) => (most, scale((most - median).min(f64::MAX), k)),
            Warp::Power | Warp::Tamed => (median, quartiles),
        };
        let mut bend = Self { warp, from, unit, power: 1.0 };
        if warp == Warp::Power {
            let sample: Vec<f64> = losses.iter().map(|y| bend.share(*y)).collect();
            bend.power = power::likeliest(&sample);
        }
        bend
    }

    fn share(self, y: f64) -> f64 {
        (y - self.from).clamp(f64::MIN, f64::MAX) / self.unit
    }

    /// The bent loss, and ln of the slope of the bend.
    fn forth(self, y: f64) -> (f64, f64) {
        let share = self.share(y);
        let (bent, slope) = match self.warp {
            Warp::Plain => (share, 0.0),
            Warp::Log(_) => (libm::log1p(share), -libm::log1p(share)),
            Warp::Depth(_) => (-libm::log1p(-share), -libm::log1p(-share)),
            Warp::Power => power::forth(share, self.power),
            Warp::Tamed if share <= WILD => (share, 0.0),
            Warp::Tamed => (WILD + libm::log1p(share - WILD), -libm::log1p(share - WILD)),
        };
        (bent, slope - libm::log(self.unit))
    }

    /// The loss of a bent one, and its slope.
    fn back(self, bent: f64) -> (f64, f64) {
        let (share, slope) = match self.warp {
            Warp::Plain => (bent, 1.0),
            Warp::Log(_) => (libm::expm1(bent), libm::exp(bent)),
            Warp::Depth(_) => (-libm::expm1(-bent), libm::exp(-bent)),
            Warp::Power => {
                let (share, slope) = power::back(bent, self.power);
                (share, libm::exp(-slope))
            }
            Warp::Tamed if bent <= WILD => (bent, 1.0),
            Warp::Tamed => (WILD + libm::expm1(bent - WILD), libm::exp(bent - WILD)),
        };
        (self.from + self.unit * share, self.unit * slope)
    }
}

impl Targets {
    /// O(n log n); losses must be finite.
    pub(crate) fn new(losses: &[f64], warp: Warp) -> Self {
        let n = losses.len() as f64;
        let bend = Bend::new(losses, warp);
        let (mut z, slopes): (Vec<f64>, Vec<f64>) = losses.iter().map(|y| bend.forth(*y)).unzip();
        let mean = z.iter().sum::<f64>() / n;
        let variance = z.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / n;
        let sd = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        for w in &mut z {
            *w = (*w - mean) / sd;
        }
        let learnt = if warp == Warp::Power { 0.5 * libm::log(n) } else { 0.0 };
        let log_jacobian = slopes.iter().sum::<f64>() - n * libm::log(sd) - learnt;
        Self { z, log_jacobian, bend, mean, sd }
    }

    /// The loss at a target, and how steep it is there.
    pub(crate) fn loss(&self, z: f64) -> (f64, f64) {
        let (loss, slope) = self.bend.back(z * self.sd + self.mean);
        (loss, slope * self.sd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bends_are_monotone_and_their_jacobian_is_right() {
        let losses = [3.0, 1.0, 5e5, 1.5, 40.0, 1.0];
        let bends = [Warp::Log(-1), Warp::Log(0), Warp::Log(2), Warp::Depth(0), Warp::Depth(2)];
        for warp in bends.into_iter().chain([Warp::Plain, Warp::Power, Warp::Tamed]) {
            let targets = Targets::new(&losses, warp);
            for i in 0..losses.len() {
                for j in 0..losses.len() {
                    assert_eq!(losses[i] < losses[j], targets.z[i] < targets.z[j], "{warp:?}");
                }
            }
            assert!((targets.z.iter().sum::<f64>()).abs() < 1e-12);
            let learnt = if warp == Warp::Power { 0.5 * 6.0_f64.ln() } else { 0.0 };
            let slopes: f64 = targets.z.iter().map(|z| targets.loss(*z).1.ln()).sum();
            assert!((targets.log_jacobian + learnt + slopes).abs() < 1e-6, "{warp:?}");
            for (z, y) in targets.z.iter().zip(&losses) {
                assert!((targets.loss(*z).0 - y).abs() < 1e-9 * y.abs().max(1.0), "{warp:?}");
            }
        }
        let one = Targets::new(&[7.0], Warp::Log(0));
        assert_eq!(one.z, [0.0]);
        let wild = Targets::new(&[1.0, 2.0, 3.0, 4.0, 1e9], Warp::Tamed);
        assert!(wild.z[4] < 2.0 && wild.z[4] > wild.z[3] + 1.0, "{:?}", wild.z);
        let huge = Targets::new(&[-1e308, 1e308, 0.0], Warp::Plain);
        assert!(huge.z.iter().all(|z| z.is_finite()));
    }
}
