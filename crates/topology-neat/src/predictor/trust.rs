use serde::{Deserialize, Serialize};

use super::Posterior;

/// Half width of a central 90 % interval in standard deviations.
const Z90: f64 = 1.644_853_626_951_472_2;
/// What one evaluation can move the weights, and how fast old evidence fades.
const LEARNING: f64 = 0.5;
const MEMORY: f64 = 0.97;
/// Evidence (log score) against the predictor at which it is no more followed.
const LIMIT: f64 = 2.0;

/// How well predictions made before evaluations came true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// Predictions of workflows not seen before.
    pub n: u64,
    /// Of them those with the outcome inside the central 90 % interval, noise included.
    pub covered: u64,
}

impl Calibration {
    /// The share of outcomes inside; 0.9 is right. `None` before the first.
    pub fn coverage(&self) -> Option<f64> {
        (self.n > 0).then(|| self.covered as f64 / self.n as f64)
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
        let total = predicted.variance + noise;
        self.calibration.n += 1;
        self.calibration.covered += u64::from((y - predicted.mean).abs() <= Z90 * total.sqrt());
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
        assert_eq!(trust.calibration(), Calibration { n: 63, covered: 40 });
    }
}
