use meta_traits::Stream;

use super::code::Effects;
use super::posterior::Posterior;

impl Posterior {
    /// The posterior mean of every effect. O(prompts x effects of a prompt).
    pub fn mean_effects(&self) -> Effects {
        let worth = self.trust.0 + self.trust.1 * self.pulled(&self.alpha);
        let nothing = vec![0.0; self.shape.size()];
        self.corrected(nothing, &self.alpha, worth)
    }

    /// A draw of every effect from the posterior, by Matheron's rule. O(prompts^2 + effects).
    pub fn draw(&self, rng: &mut Stream) -> Effects {
        let spread = self.variances.spread(&self.shape);
        let prior: Vec<f64> =
            spread.iter().map(|v| if *v > 0.0 { v.sqrt() * normal(rng) } else { 0.0 }).collect();
        let worth = self.trust.0 + self.trust.1.sqrt() * normal(rng);
        let prior = Effects(prior);
        let residual: Vec<f64> = self
            .rows
            .iter()
            .zip(self.target.iter().zip(&self.weight))
            .map(|(row, (target, weight))| {
                let noise = (self.variances.own + 1.0 / weight).sqrt() * normal(rng);
                target - worth * row.pull - prior.of_row(&self.shape, row) - noise
            })
            .collect();
        let alpha = self.factor.solve(&residual);
        let worth = worth + self.trust.1 * self.pulled(&alpha);
        self.corrected(prior.0, &alpha, worth)
    }

    fn pulled(&self, alpha: &[f64]) -> f64 {
        self.rows.iter().zip(alpha).map(|(row, a)| row.pull * a).sum()
    }

    /// The sum of alpha times the rows' effects.
    pub(super) fn gathered(&self, alpha: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.shape.size()];
        for (row, a) in self.rows.iter().zip(alpha) {
            row.positions.iter().for_each(|at| sums[*at as usize] += a);
            self.shape.visit_rest(&row.code, |at, value| sums[at] += a * value);
        }
        sums
    }

    /// `prior + spread * (sum of alpha times the rows' effects + worth times the steps' effects)`.
    fn corrected(&self, mut prior: Vec<f64>, alpha: &[f64], worth: f64) -> Effects {
        let sums = self.gathered(alpha);
        let spread = self.variances.spread(&self.shape);
        for (((out, sum), lead), v) in prior.iter_mut().zip(&sums).zip(&self.lead).zip(&spread) {
            *out += v * (sum + worth * lead);
        }
        Effects(prior)
    }
}

impl Effects {
    /// The effects a share `temperature` of the way from `mean` to this draw and beyond.
    #[must_use]
    pub fn tempered(mut self, mean: &Self, temperature: f64) -> Self {
        for (own, m) in self.0.iter_mut().zip(&mean.0) {
            *own = m + temperature * (*own - m);
        }
        self
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}
