//! The regret that the model still thinks possible, by draws of whole functions.

use meta_traits::Stream;

use super::subset::Data;
use super::{BayesOptimizer, Told};
use crate::acquisition::Criterion;
use crate::baseline::draw;
use crate::full::{EFFORT, latent_of, reach};
use crate::gp::{Gp, Joint, Predictor};
use crate::maximize::{Landscape, search};
use crate::optimizer::regime::Model;
use crate::stopping::RegretBound;

/// Draws of the function.
const DRAWS: usize = 1024;
/// Points spread over the space, and points near the best, where a draw may be low.
const SPREAD: usize = 192;
const NEAR: usize = 96;
/// Points that low optimistic bounds are searched for, each with another width.
const WIDTHS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];
/// The probability that draws understate the quantile they estimate.
const UNSURE: f64 = 0.05;
/// Trials below which nothing is said.
const LEAST: usize = 5;

/// What is to be lowest.
struct Bound<'a> {
    predictor: Predictor<'a>,
    criterion: Criterion,
}

impl Landscape for Bound<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        self.criterion.score(self.predictor.marginal(features)).value
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let score = self.criterion.score(self.predictor.marginal(features));
        self.predictor.add_gradient(features, score.by_mean, score.by_variance, gradient);
        score.value
    }
}

impl BayesOptimizer {
    /// How far the best point told may be from the best there is, exceeded with probability `risk`, 0.01 to 0.5 (values
    /// outside count as the nearest inside); `None` below five usable trials or without a model.
    ///
    /// The function is drawn 1,024 times from the model's posterior at some 300 points together: spread over the space, near
    /// the best ones, and where optimistic bounds are lowest. The regret of a draw is its value at the best point told
    /// less its least value. The bound is the order statistic that lies above the quantile sought with 95 % (Wilson 2024,
    /// section 3; draws at fixed points in place of paths). Nothing of the search is changed. O(n^3) for n trials.
    pub fn regret_bound(&self, risk: f64) -> Option<RegretBound> {
        let risk = if risk.is_nan() { 0.05 } else { risk.clamp(0.01, 0.5) };
        let mut data = Data { columns: vec![Vec::new(); self.space.len()], losses: Vec::new() };
        for record in self.state.told.values() {
            if let Told::Sound(seen) = &record.told {
                data.columns.iter_mut().zip(&record.features).for_each(|(column, f)| column.push(*f));
                data.losses.push(seen.losses[0]);
            }
        }
        if data.losses.len() < LEAST {
            return None;
        }
        let mut memory = self.state.memory.clone();
        let model = memory.model(&self.layout, &data, 0)?;
        let mut rng = self.state.root.child("regret", self.state.told.len() as u64);
        let told: Vec<Vec<f64>> = (0..model.gp.len()).map(|i| model.gp.point(i)).collect();
        let mut predictor = model.gp.predictor();
        let means: Vec<f64> = told.iter().map(|x| predictor.marginal(x).mean).collect();
        let mut order: Vec<usize> = (0..told.len()).collect();
        order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
        let good: Vec<Vec<f64>> = order.iter().take(5).map(|i| latent_of(&told[*i])).collect();
        let mut points = vec![told[order[0]].clone()];
        points.extend(self.candidates(&model.gp, &good, &mut rng));
        let joint = Joint::new(&model.gp, &points)?;
        let mut regrets: Vec<f64> = Vec::with_capacity(DRAWS);
        for _ in 0..DRAWS {
            let normals: Vec<f64> = points.iter().map(|_| draw(&mut rng)).collect();
            let values = joint.draw(&normals);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            regrets.push(difference(&model, values[0], least));
        }
        regrets.sort_by(f64::total_cmp);
        let place = upper_place(DRAWS, 1.0 - risk);
        let mean = regrets.iter().sum::<f64>() / DRAWS as f64;
        Some(RegretBound {
            bound: regrets[place.min(DRAWS - 1)],
            mean,
            widest: widest(&model, &points, risk),
        })
    }

    /// Features of points where a draw of the function may be low.
    fn candidates(&self, gp: &Gp, good: &[Vec<f64>], rng: &mut Stream) -> Vec<Vec<f64>> {
        let mut latents: Vec<Vec<f64>> = (0..SPREAD).map(|_| self.space.sample_latent(rng)).collect();
        let distance = reach(gp, self.space.len());
        for i in 0..NEAR {
            // Steps of many sizes: draws differ from each other near the best as well as far from it.
            let size = libm::pow(10.0, -3.0 * rng.unit());
            let centre = &good[i % good.len()];
            let step = |(x, d): (&f64, &f64)| (x + size * d * draw(rng)).clamp(0.0, 1.0);
            latents.push(centre.iter().zip(&distance).map(step).collect());
        }
        for width in WIDTHS {
            let criterion = Criterion::OptimisticBound { width };
            let mut bound = Bound { predictor: gp.predictor(), criterion };
            let found = search(&self.space, &mut bound, good, &distance, EFFORT, rng);
            latents.extend(found.map(|found| found.latent));
        }
        latents.retain(|latent| !self.space.has_rules() || self.space.allows(&self.space.decode(latent)));
        latents.iter().map(|latent| self.space.features(latent)).collect()
    }
}

/// Two targets' distance in losses.
fn difference(model: &Model, high: f64, low: f64) -> f64 {
    let gap = model.targets.loss(high).0 - model.targets.loss(low).0;
    if gap.is_finite() { gap.max(0.0) } else { f64::MAX }
}

/// The bound that holds for all points and trials at once, with width sqrt(2 ln(points pi^2 n^2 / (6 risk))) (Srinivas et
/// al. 2010, theorem 1).
fn widest(model: &Model, points: &[Vec<f64>], risk: f64) -> f64 {
    let n = model.gp.len() as f64;
    let inside = points.len() as f64 * n * n * std::f64::consts::PI.powi(2) / (6.0 * risk);
    let width = libm::sqrt(2.0 * libm::log(inside));
    let mut predictor = model.gp.predictor();
    let ends: Vec<(f64, f64)> = points
        .iter()
        .map(|x| predictor.marginal(x))
        .map(|at| (at.mean - width * at.variance.sqrt(), at.mean + width * at.variance.sqrt()))
        .collect();
    let least = ends.iter().map(|(low, _)| *low).fold(f64::INFINITY, f64::min);
    difference(model, ends[0].1, least)
}

/// The first place, from 0, in `n` sorted draws that lies above their quantile `share` with at least 1 - [`UNSURE`].
fn upper_place(n: usize, share: f64) -> usize {
    // P(Binomial(n, share) <= place) = the chance that the (place + 1)-th draw lies above the quantile.
    let term = |k: usize| {
        let choose =
            libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0);
        libm::exp(choose + k as f64 * libm::log(share) + (n - k) as f64 * libm::log1p(-share))
    };
    let mut sum = 0.0;
    for k in 0..n {
        sum += term(k);
        if sum >= 1.0 - UNSURE {
            return k;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order statistics of Conover (1999), section 3.2: of 1,024 draws the 984th or so bounds the 95 % quantile.
    #[test]
    fn places_of_order_statistics() {
        let place = upper_place(1024, 0.95);
        assert!((983..=986).contains(&place), "{place}");
        assert_eq!(upper_place(10, 0.999), 10);
        assert_eq!(upper_place(1, 0.01), 0);
    }
}
