use serde::{Deserialize, Serialize};

use super::Posterior;

/// Half width of a central 90 % interval in standard deviations.
const Z90: f64 = 1.644_853_626_951_472_2;
/// What one evaluation can move the weights, and how fast old evidence fades.
const LEARNING: f64 = 0.5;
const MEMORY: f64 = 0.97;
/// Evidence (log score) against the predictor at which it is no more followed.
const LIMIT: f64 = 2.0;

/// Share of outcomes that are to lie outside, and how fast the width follows them.
const OUTSIDE: f64 = 0.1;
const RATE: f64 = 0.15;

/// How well predictions made before evaluations came true.
///
/// The width of intervals follows the outcomes: its logarithm falls by 0.015 with each outcome inside and rises by 0.135 with
/// each outside, from that of the predictor (adaptive conformal inference, Gibbs & Candes 2021, as a quantile tracker on the
/// logarithm, Angelopoulos, Candes & Tibshirani 2023). After n outcomes the share outside is within |ln width| / (0.15 n) of
/// a tenth, whatever the outcomes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// Predictions of workflows not seen before.
    pub n: u64,
    /// Of them those with the outcome inside the 90 % interval, noise included.
    pub covered: u64,
    /// The logarithm of the width of the next interval over that which the predictor itself would give.
    #[serde(default)]
    pub log_width: f64,
}

impl Calibration {
    /// The share of outcomes inside; 0.9 is right. `None` before the first.
    pub fn coverage(&self) -> Option<f64> {
        (self.n > 0).then(|| self.covered as f64 / self.n as f64)
    }

    /// The interval that is to hold nine of ten outcomes, those of one evaluation with this noise.
    pub(crate) fn interval(&self, predicted: Posterior, noise: f64) -> [f64; 2] {
        let half = Z90 * self.log_width.exp() * (predicted.variance + noise).sqrt();
        [predicted.mean - half, predicted.mean + half]
    }

    fn observe(&mut self, [low, high]: [f64; 2], y: f64) {
        let inside = low <= y && y <= high;
        self.n += 1;
        self.covered += u64::from(inside);
        self.log_width += RATE * (f64::from(u8::from(!inside)) - OUTSIDE);
    }
}

/// Whether to follow the predictor: fading sum of its log score less that of "no information" on unscreened proposals
/// (Hedge over two experts; Freund & Schapire 1997), and its calibration on all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trust {
    evidence: f64,
    calibration: Calibration,
}

impl Trust {
    /// Takes the outcome of a workflow that was not seen before.
    pub(crate) fn observe(
        &mut self,
        predicted: Posterior,
        ignorant: Posterior,
        noise: f64,
        y: f64,
        screened: bool,
    ) {
        self.calibration.observe(self.calibration.interval(predicted, noise), y);
        if !screened {
            let gain = score(predicted, noise, y) - score(ignorant, noise, y);
            self.evidence = MEMORY * self.evidence + LEARNING * gain.clamp(-4.0, 4.0);
        }
    }

    pub(crate) fn follows(&self) -> bool {
        self.evidence > -LIMIT
    }

    pub(crate) fn calibration(&self) -> Calibration {
        self.calibration
    }
}

/// The logarithm of the predictive density.
fn score(p: Posterior, noise: f64, y: f64) -> f64 {
    let variance = p.variance + noise;
    -0.5 * ((y - p.mean).powi(2) / variance + variance.ln())
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn a_predictor_that_misleads_is_left_and_one_that_mends_is_followed_again() {
        let (sure, vague) = (Posterior { mean: 1.0, variance: 0.01 }, Posterior { mean: 0.0, variance: 1.0 });
        let mut trust = Trust::default();
        for _ in 0..20 {
            trust.observe(sure, vague, 0.01, -1.0, true);
        }
        assert!(trust.follows(), "what it chose itself is no evidence");
        for _ in 0..3 {
            trust.observe(sure, vague, 0.01, -1.0, false);
        }
        assert!(!trust.follows());
        for _ in 0..40 {
            trust.observe(sure, vague, 0.01, 1.0, false);
        }
        assert!(trust.follows());
        let Calibration { n, covered, .. } = trust.calibration();
        assert!(n == 63 && covered >= 40, "misses widen what comes after: {covered} of {n}");
    }

    #[test]
    fn intervals_hold_nine_of_ten_however_wrong_the_predictor_is() {
        for spread in [0.3, 1.0, 4.0] {
            let mut rng = Stream::root(1);
            let mut calibration = Calibration::default();
            let predicted = Posterior { mean: 0.0, variance: 1.0 };
            for _ in 0..400 {
                let normal = (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
                calibration.observe(calibration.interval(predicted, 0.0), spread * normal);
            }
            let bound = calibration.log_width.abs() / (RATE * 400.0);
            let share = calibration.coverage().unwrap();
            assert!((share - 0.9).abs() <= bound + 1e-9 && bound < 0.05, "{spread}: {share}");
            assert!((calibration.log_width - f64::ln(spread)).abs() < 0.5, "{calibration:?}");
        }
    }
}
