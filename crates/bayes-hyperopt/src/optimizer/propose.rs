//! One suggestion.

use meta_traits::{Stream, TrialId};

use super::BayesOptimizer;
use super::regime::Model;
use crate::acquisition::Criterion;
use crate::gp::{NoiseKind, Predictor};
use crate::maximize::{Effort, Landscape, search};

/// Kinds of model that try to replace the present one at each suggestion.
const CHALLENGES: usize = 2;

/// A criterion over the predictions of a model.
struct Surface<'a> {
    predictor: Predictor<'a>,
    criterion: Criterion,
}

impl Landscape for Surface<'_> {
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
    /// The latent point of trial `id`.
    pub(super) fn propose(&mut self, id: TrialId) -> Vec<f64> {
        let mut rng = self.state.root.child("trial", id.0);
        if id.0 < self.state.config.n_initial_points as u64 {
            return self.spread(id);
        }
        let (mut columns, mut losses) = (vec![Vec::new(); self.space.len()], Vec::new());
        for (record, seen) in self.sound() {
            columns.iter_mut().zip(&record.features).for_each(|(column, f)| column.push(*f));
            losses.push(seen.losses[0]);
        }
        if losses.len() < 2 {
            return self.space.sample_latent(&mut rng);
        }
        let model = self.state.memory.fit(&self.layout, &columns, &losses, CHALLENGES);
        let found = model.and_then(|model| self.maximize(model, &losses, &mut rng));
        found.unwrap_or_else(|| self.space.sample_latent(&mut rng))
    }

    fn maximize(&self, mut model: Model, losses: &[f64], rng: &mut Stream) -> Option<Vec<f64>> {
        let mut order: Vec<usize> = (0..losses.len()).collect();
        order.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
        let good: Vec<Vec<f64>> = order.iter().take(5).map(|i| latent_of(model.gp.point(*i))).collect();
        let best = self.level(&model);
        for pending in self.state.pending.values() {
            model.gp.append(&pending.features, None);
        }
        let p = self.space.len();
        let reach: Vec<f64> = model.gp.theta[..p].iter().map(|l| libm::exp(*l).min(1.0)).collect();
        let config = &self.state.config;
        let criterion = Criterion::new(config.acquisition_function, best, config.exploration_weight);
        let effort = Effort { spread: 256, near: 128, starts: 6, evaluations: 40 };
        let mut surface = Surface { predictor: model.gp.predictor(), criterion };
        let found = search(&self.space, &mut surface, &good, &reach, effort, rng)?;
        let features = self.space.features(&found.latent);
        let told = self.state.told.values().map(|r| &r.features);
        let pending = self.state.pending.values().map(|p| &p.features);
        let same = |other: &Vec<f64>| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10);
        (!told.chain(pending).any(same)).then_some(found.latent)
    }

    /// What an improvement is counted from: the best target, or with noise the best mean at a point told (plug-in).
    fn level(&self, model: &Model) -> f64 {
        match model.regime.noise {
            NoiseKind::Fixed => model.targets.z.iter().copied().fold(f64::INFINITY, f64::min),
            NoiseKind::Inferred => {
                let mut predictor = model.gp.predictor();
                (0..model.gp.len())
                    .map(|i| predictor.marginal(&model.gp.point(i)).mean)
                    .fold(f64::INFINITY, f64::min)
            }
        }
    }

    /// The `id`-th point of the initial design.
    fn spread(&self, id: TrialId) -> Vec<f64> {
        let mut rng = self.state.root.child("design", 0);
        let points = self.state.config.n_initial_points;
        let mut latent = vec![0.0; self.space.len()];
        for place in &mut latent {
            let mut strata: Vec<usize> = (0..points).collect();
            rng.shuffle(&mut strata);
            let jitter: Vec<f64> = (0..points).map(|_| rng.unit()).collect();
            let i = id.0 as usize % points;
            *place = (strata[i] as f64 + jitter[i]) / points as f64;
        }
        if self.space.has_rules() && !self.space.allows(&self.space.decode(&latent)) {
            return self.space.sample_latent(&mut self.state.root.child("design", 1 + id.0));
        }
        latent
    }
}

/// Features as a latent point: inactive parameters in the middle.
fn latent_of(mut features: Vec<f64>) -> Vec<f64> {
    features.iter_mut().filter(|f| **f < 0.0).for_each(|f| *f = 0.5);
    features
}
