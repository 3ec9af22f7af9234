use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule, highest};

/// Thompson sampling with Beta beliefs that fade (Raj & Kalyani 2017).
///
/// A reward in [0, 1] counts as that share of a success; the beliefs of all arms fade by `discount` at each reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscountedThompson {
    /// What remains of a belief at each reward; 0 to 1.
    pub discount: f64,
    /// Successes and failures of each arm beyond the uniform prior.
    #[serde(default)]
    arms: Vec<(f64, f64)>,
}

impl DiscountedThompson {
    /// Of this discount, with nothing seen.
    pub fn new(discount: f64) -> Self {
        Self { discount, arms: Vec::new() }
    }

    /// With beliefs from earlier runs, as successes and failures of each arm.
    #[must_use]
    pub fn with_prior(mut self, successes_and_failures: &[(f64, f64)]) -> Self {
        let sound = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
        self.arms = successes_and_failures.iter().map(|(s, f)| (sound(*s), sound(*f))).collect();
        self
    }
}

impl Default for DiscountedThompson {
    fn default() -> Self {
        Self::new(0.9)
    }
}

impl Rule for DiscountedThompson {
    const SCHEMA: &'static str = "rl-selector/discounted-thompson";

    fn open(&mut self, arms: usize) {
        self.arms.resize(arms, (0.0, 0.0));
    }

    fn fits(&self, arms: usize) -> bool {
        let sound = |x: f64| x.is_finite() && x >= 0.0;
        self.arms.len() == arms && self.arms.iter().all(|(s, f)| sound(*s) && sound(*f))
    }

    fn pick(&self, open: &[usize], _: &[f64], rng: &mut Stream) -> Pick {
        let draws: Vec<f64> = (0..self.arms.len())
            .map(|arm| {
                let (successes, failures) = self.arms[arm];
                let mut rng = rng.child("arm", arm as u64);
                let (a, b) = (gamma(1.0 + successes, &mut rng), gamma(1.0 + failures, &mut rng));
                a / (a + b)
            })
            .collect();
        let arm = highest(open, |arm| draws[arm]);
        let (successes, failures) = self.arms[arm];
        Pick::sure(arm, (1.0 + successes) / (2.0 + successes + failures))
    }

    fn learn(&mut self, pick: Pick, _: &[f64], reward: f64) {
        for belief in &mut self.arms {
            *belief = (belief.0 * self.discount, belief.1 * self.discount);
        }
        let own = &mut self.arms[pick.arm];
        *own = (own.0 + reward, own.1 + 1.0 - reward);
    }
}

/// A Gamma number of shape at least 1 (Marsaglia & Tsang 2000).
fn gamma(shape: f64, rng: &mut Stream) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_has_its_mean_and_variance() {
        let mut rng = Stream::root(4);
        for shape in [1.0, 2.5, 9.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| gamma(shape, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / 2e4;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4;
            assert!((mean / shape - 1.0).abs() < 0.03, "{shape} {mean}");
            assert!((variance / shape - 1.0).abs() < 0.08, "{shape} {variance}");
        }
    }
}
