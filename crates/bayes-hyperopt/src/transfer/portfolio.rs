use crate::SearchSpace;
use crate::full::latent_of;
use crate::gp::{Gp, Predictor};
use crate::maximize::{Found, Landscape, improve};

/// The best points of each old task from which good points are looked for.
const BEST: usize = 2;

/// The mean of the standardised means of processes, downwards.
struct Means<'a>(Vec<Predictor<'a>>);

impl Landscape for Means<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        let sum: f64 = self.0.iter_mut().map(|p| p.marginal(features).mean).sum();
        -sum / self.0.len() as f64
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let share = -1.0 / self.0.len() as f64;
        let mut sum = 0.0;
        for predictor in &mut self.0 {
            sum += share * predictor.marginal(features).mean;
            predictor.add_gradient(features, share, 0.0, gradient);
        }
        sum
    }
}

/// Up to `count` latent points that together are good for old tasks: each next one lowers the mean over the tasks of the
/// least loss predicted most (greedy, as in Wistuba, Schilling & Schmidt-Thieme 2015).
///
/// Points tried are the minima of the mean of all models, and of each, that the best points of the tasks lead to.
pub(super) fn portfolio(space: &SearchSpace, old: &[Gp], count: usize) -> Vec<Vec<f64>> {
    let mut candidates: Vec<Vec<f64>> = Vec::new();
    let mut all = Means(old.iter().map(Gp::predictor).collect());
    for gp in old {
        let mut one = Means(vec![gp.predictor()]);
        for features in gp.best_points(BEST) {
            for landscape in [&mut all, &mut one] {
                let start = Found { latent: latent_of(&features), value: landscape.value(&features) };
                candidates.push(improve(space, landscape, start, 40).latent);
            }
        }
    }
    let losses: Vec<Vec<f64>> = candidates
        .iter()
        .map(|latent| all.0.iter_mut().map(|p| p.marginal(&space.features(latent)).mean).collect())
        .collect();
    let mut least = vec![f64::INFINITY; old.len()];
    let mut chosen: Vec<Vec<f64>> = Vec::new();
    for _ in 0..count.min(candidates.len()) {
        let total = |losses: &Vec<f64>| losses.iter().zip(&least).map(|(a, b)| a.min(*b)).sum::<f64>();
        let Some(best) = (0..losses.len()).min_by(|a, b| total(&losses[*a]).total_cmp(&total(&losses[*b])))
        else {
            break;
        };
        if total(&losses[best]) >= least.iter().sum::<f64>() {
            break;
        }
        least.iter_mut().zip(&losses[best]).for_each(|(l, new)| *l = l.min(*new));
        chosen.push(candidates[best].clone());
    }
    chosen
}
