//! One suggestion.

use meta_traits::{Stream, TrialId};

use super::basin::{self, Basin};
use super::feasibility::{self, Chance};
use super::record::Told;
use super::regime::Model;
use super::subset::Data;
use super::{BayesOptimizer, Explanation};
use crate::Parameter;
use crate::acquisition::Criterion;
use crate::gp::{NoiseKind, Predictor};
use crate::maximize::{Effort, Found, Landscape, search};

/// Basins left aside at most in one suggestion.
const MOST_BASINS: usize = 4;

/// Kinds of model that try to replace the present one at each suggestion.
const CHALLENGES: usize = 2;

/// A criterion over the predictions of a model, times the chance of a result, outside of explored basins.
struct Surface<'a> {
    predictor: Predictor<'a>,
    criterion: Criterion,
    chance: Option<Chance<'a>>,
    region: Region<'a>,
}

/// Where to look.
#[derive(Clone, Copy)]
enum Region<'a> {
    /// Anywhere but in these.
    Outside(&'a [Basin]),
    /// In this one.
    Inside(&'a Basin),
}

impl Region<'_> {
    fn contains(self, features: &[f64]) -> bool {
        match self {
            Self::Outside(basins) => !basins.iter().any(|basin| basin.contains(features)),
            Self::Inside(basin) => basin.contains(features),
        }
    }
}

impl Landscape for Surface<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        if !self.region.contains(features) {
            return f64::NAN;
        }
        let chance = self.chance.as_mut().map_or(0.0, |chance| chance.value(features));
        self.criterion.score(self.predictor.marginal(features)).value + chance
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        if !self.region.contains(features) {
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
        let scales = self.basin_scales(&model.gp.theta);
        if id.0 % 4 == 2
            && let Some(near) = data.around_best(&scales)
            && let Some(model) = self.state.nearby.model(&self.layout, &near, CHALLENGES)
        {
            let basin = Basin::around_best(&near, &scales);
            return self.maximize(model, outcomes.as_ref(), Region::Inside(&basin), rng);
        }
        let found = self.maximize(model, outcomes.as_ref(), Region::Outside(&[]), rng);
        if !found.as_ref().is_some_and(|(found, _)| basin::look_elsewhere(found.value, id.0)) {
            return found;
        }
        self.state.elsewhere.begin_like(&self.state.memory);
        let mut basins = vec![Basin::around_best(&data, &scales)];
        for _ in 0..MOST_BASINS {
            let Some(part) = data.outside(&basins) else { break };
            let Some(model) = self.state.elsewhere.model(&self.layout, &part, CHALLENGES + 1) else { break };
            let Some(other) = self.maximize(model, outcomes.as_ref(), Region::Outside(&basins), rng) else {
                break;
            };
            if other.0.value >= basin::EXPLORED {
                return Some(other);
            }
            basins.push(Basin::around_best(&part.without(&basins), &scales));
        }
        found
    }

    fn maximize(
        &self,
        mut model: Model,
        outcomes: Option<&Model>,
        region: Region<'_>,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let mut order: Vec<usize> = (0..model.targets.z.len()).collect();
        order.sort_by(|a, b| model.targets.z[*a].total_cmp(&model.targets.z[*b]));
        let points = order.iter().map(|i| model.gp.point(*i));
        let good = points.filter(|x| region.contains(x));
        let good: Vec<Vec<f64>> = good.take(5).map(latent_of).collect();
        let best = level(&model, region);
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
        let chance = outcomes.map(Chance::new);
        let mut surface = Surface { predictor: model.gp.predictor(), criterion, chance, region };
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

    /// 1 / lengthscale of plain parameters, and a huge number for choices.
    fn basin_scales(&self, theta: &[f64]) -> Vec<f64> {
        let scale = |(l, parameter): (&f64, &Parameter)| {
            if parameter.domain.is_categorical() { 1e3 } else { libm::exp(-l) }
        };
        theta.iter().zip(self.space.parameters()).map(scale).collect()
    }

    /// Whether the point is told or pending already.
    fn is_known(&self, latent: &[f64]) -> bool {
        let features = self.space.features(latent);
        let told = self.state.told.values().map(|r| &r.features);
        let pending = self.state.pending.values().map(|p| &p.features);
        let same = |other: &Vec<f64>| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10);
        told.chain(pending).any(same)
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

/// What an improvement is counted from: the best target, or with noise the best mean at a point told (plug-in); of
/// points in the region.
fn level(model: &Model, region: Region<'_>) -> f64 {
    let mut predictor = model.gp.predictor();
    (0..model.gp.len())
        .map(|i| (i, model.gp.point(i)))
        .filter(|(_, x)| region.contains(x))
        .map(|(i, x)| match model.regime.noise {
            NoiseKind::Fixed => model.targets.z[i],
            NoiseKind::Inferred => predictor.marginal(&x).mean,
        })
        .fold(f64::INFINITY, f64::min)
}
