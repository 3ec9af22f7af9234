//! One suggestion.

use meta_traits::{Stream, TrialId};

use super::feasibility::{self, Chance};
use super::record::Told;
use super::regime::Model;
use super::subset::Data;
use super::{BayesOptimizer, Explanation};
use crate::acquisition::Criterion;
use crate::gp::{NoiseKind, Predictor};
use crate::maximize::{Effort, Found, Landscape, search};

/// Kinds of model that try to replace the present one at each suggestion.
const CHALLENGES: usize = 2;

/// Below this logarithm of the expected improvement (in standard deviations of the losses) the basin of the best point
/// counts as explored: every second suggestion looks elsewhere.
const EXPLORED: f64 = -11.5;
/// Below this one, three in four do.
const EXHAUSTED: f64 = -18.0;
/// Radius of that basin in the unit cube, a square root of the dimension.
const BASIN: f64 = 0.05;

/// A criterion over the predictions of a model, times the chance of a result, outside of a ball.
struct Surface<'a> {
    predictor: Predictor<'a>,
    criterion: Criterion,
    chance: Option<Chance<'a>>,
    except: Option<(&'a [f64], f64)>,
}

impl Surface<'_> {
    fn is_excepted(&self, features: &[f64]) -> bool {
        self.except.is_some_and(|(centre, radius)| {
            let square =
                |(a, b): (&f64, &f64)| if (*a < 0.0) == (*b < 0.0) { (a - b) * (a - b) } else { 1.0 };
            centre.iter().zip(features).map(square).sum::<f64>() < radius * radius
        })
    }
}

impl Landscape for Surface<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        if self.is_excepted(features) {
            return f64::NAN;
        }
        let chance = self.chance.as_mut().map_or(0.0, |chance| chance.value(features));
        self.criterion.score(self.predictor.marginal(features)).value + chance
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        if self.is_excepted(features) {
            return f64::NAN;
        }
        let score = self.criterion.score(self.predictor.marginal(features));
        self.predictor.add_gradient(features, score.by_mean, score.by_variance, gradient);
        score.value + self.chance.as_mut().map_or(0.0, |chance| chance.gradient(features, gradient))
    }
}

/// A point with its acquisition, and what the model says of it.
type Suggestion = (Found, Explanation);

impl BayesOptimizer {
    /// The latent point of trial `id`, and why; without a reason where it is of the initial design or drawn at random.
    pub(super) fn propose(&mut self, id: TrialId) -> (Vec<f64>, Option<Explanation>) {
        let mut rng = self.state.root.child("trial", id.0);
        if id.0 < self.state.config.n_initial_points as u64 {
            return (self.spread(id), None);
        }
        match self.suggest(id, &mut rng) {
            Some((found, why)) if !self.is_known(&found.latent) => (found.latent, Some(why)),
            _ => (self.space.sample_latent(&mut rng), None),
        }
    }

    fn suggest(&mut self, id: TrialId, rng: &mut Stream) -> Option<Suggestion> {
        let (mut all, mut usable) = (vec![Vec::new(); self.space.len()], Vec::new());
        let mut data = Data { columns: all.clone(), losses: Vec::new() };
        for record in self.state.told.values() {
            all.iter_mut().zip(&record.features).for_each(|(column, f)| column.push(*f));
            usable.push(matches!(record.told, Told::Sound(_)));
            if let Told::Sound(seen) = &record.told {
                data.columns.iter_mut().zip(&record.features).for_each(|(column, f)| column.push(*f));
                data.losses.push(seen.losses[0]);
            }
        }
        if data.losses.len() < 2 {
            return None;
        }
        let outcomes = feasibility::fit(&mut self.state.outcomes, &self.layout, &all, &usable);
        let challenges = (200 / data.losses.len()).clamp(CHALLENGES, 9);
        let model = self.state.memory.model(&self.layout, &data, challenges)?;
        let warp = model.regime.warp;
        let found = self.maximize(model, outcomes.as_ref(), None, rng);
        let turn = id.0 % 4;
        if let Some((best, _)) = &found
            && (best.value < EXPLORED && turn % 2 == 1 || best.value < EXHAUSTED && turn == 2)
        {
            let best = data.order()[0];
            let centre: Vec<f64> = data.columns.iter().map(|column| column[best]).collect();
            let rough = self.state.memory.rough_model(&self.layout, &data, warp);
            let elsewhere =
                rough.and_then(|model| self.maximize(model, outcomes.as_ref(), Some(&centre), rng));
            return elsewhere.or(found);
        }
        found
    }

    fn maximize(
        &self,
        mut model: Model,
        outcomes: Option<&Model>,
        except: Option<&[f64]>,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let mut order: Vec<usize> = (0..model.targets.z.len()).collect();
        order.sort_by(|a, b| model.targets.z[*a].total_cmp(&model.targets.z[*b]));
        let good: Vec<Vec<f64>> = order.iter().take(5).map(|i| latent_of(model.gp.point(*i))).collect();
        let best = self.level(&model);
        for pending in self.state.pending.values() {
            model.gp.append(&pending.features, None);
        }
        let p = self.space.len();
        let inverse: Vec<f64> = model.gp.theta[..p].iter().map(|l| libm::exp(-l)).collect();
        let reach: Vec<f64> = inverse.iter().map(|i| (1.0 / i).min(1.0)).collect();
        let config = &self.state.config;
        let criterion = Criterion::new(config.acquisition_function, best, config.exploration_weight);
        // Large models make dear predictions: fewer of them.
        let effort = match model.gp.len() {
            0..=300 => Effort { spread: 256, near: 128, starts: 6, evaluations: 40 },
            _ => Effort { spread: 128, near: 64, starts: 3, evaluations: 25 },
        };
        let except = except.map(|centre| (centre, BASIN * (p as f64).sqrt()));
        let chance = outcomes.map(Chance::new);
        let mut surface = Surface { predictor: model.gp.predictor(), criterion, chance, except };
        let found = search(&self.space, &mut surface, &good, &reach, effort, rng)?;
        let at = surface.predictor.marginal(&self.space.features(&found.latent));
        let (mean, slope) = model.targets.loss(at.mean);
        let total: f64 = inverse.iter().sum();
        let why = Explanation {
            mean,
            sd: at.variance.sqrt() * slope,
            acquisition: found.value,
            importance: inverse.iter().map(|i| i / total).collect(),
            model: model.regime.to_string(),
        };
        Some((found, why))
    }

    /// Whether the point is told or pending already.
    fn is_known(&self, latent: &[f64]) -> bool {
        let features = self.space.features(latent);
        let told = self.state.told.values().map(|r| &r.features);
        let pending = self.state.pending.values().map(|p| &p.features);
        let same = |other: &Vec<f64>| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10);
        told.chain(pending).any(same)
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
