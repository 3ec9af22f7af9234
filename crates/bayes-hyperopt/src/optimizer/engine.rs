//! One suggestion from what was told: the models, where to look, and the best point there.

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::Explanation;
use super::basin::{self, Basin};
use super::elsewhere::Elsewhere;
use super::memory::{Memory, Model};
use super::regime::Regime;
use super::sampled::{least_drawn, noiseless};
use super::subset::Data;
pub(crate) use super::surface::Flat;
use super::surface::{Region, Surface, level};
use super::trust::{self, TrustBox};
use crate::acquisition::Criterion;
use crate::full::latent_of;
use crate::gp::Marginal;
use crate::kernel::{Layout, Smoothness};
use crate::maximize::{Effort, Landscape, candidates, score, search};
use crate::{Acquisition, Parameter, SearchSpace};

/// Kinds of model that try to replace the present one at each suggestion.
pub(super) const CHALLENGES: usize = 2;

pub(super) const EVERYWHERE: Region<'static> = Region::Outside(&[]);

/// What the models have learnt about themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Engine {
    pub(crate) memory: Memory,
    elsewhere: Elsewhere,
    nearby: Memory,
    trend: Memory,
}

/// What a suggestion is made of.
pub(crate) struct Query<'a> {
    pub(crate) space: &'a SearchSpace,
    pub(crate) layout: &'a Layout,
    pub(crate) data: &'a Data,
    /// Features of points whose results are awaited.
    pub(crate) pending: Vec<&'a Vec<f64>>,
    pub(crate) acquisition: Acquisition,
    /// Weight of the unknown, for the optimistic bound.
    pub(crate) weight: f64,
    /// Which suggestion this is.
    pub(crate) turn: u64,
    /// Whether to stay near the best point.
    pub(crate) local: bool,
}

/// A point, and what the model says of it.
pub(crate) struct Suggestion {
    pub(crate) latent: Vec<f64>,
    pub(crate) why: Explanation,
}

impl Engine {
    pub(crate) fn new(memory: Memory) -> Self {
        Self {
            elsewhere: Elsewhere::new(memory.clone()),
            nearby: memory.clone(),
            trend: memory.smooth(),
            memory,
        }
    }

    /// The engine of a kind of model without any knowledge.
    pub(crate) fn of(regime: Regime) -> Self {
        Self::new(Memory::new(regime))
    }

    /// The most promising point; `term` is added to the acquisition. `None` when no model can be made of the data.
    pub(crate) fn suggest(
        &mut self,
        query: &Query<'_>,
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let data = query.data;
        if data.losses.len() < 2 {
            return None;
        }
        let challenges = (200 / data.losses.len()).clamp(CHALLENGES, 9);
        let mut model = self.memory.model(query.layout, data, challenges)?;
        if query.local {
            let best = model.gp.best_points(1).pop()?;
            let area = TrustBox::around(best, query.lengthscales(&model));
            let found = query.maximize(model, term, Region::Near(&area), rng)?;
            if found.why.acquisition >= basin::EXPLORED {
                return Some(found);
            }
            model = self.memory.model(query.layout, data, 0)?;
        }
        // Ripples hide the slope they lie on from a model that follows each of them.
        let rough = model.regime.smoothness != Smoothness::Rbf;
        if rough && !trust::is_always(data) && query.turn % 4 == 3 {
            let trend = self.trend.model(query.layout, data, CHALLENGES);
            let found = trend.and_then(|trend| query.maximize(trend, &mut *term, EVERYWHERE, rng));
            if found.as_ref().is_some_and(|found| found.why.acquisition >= basin::EXPLORED) {
                return found;
            }
        }
        let scales = query.scales(&model.gp.theta);
        let unit = model.slope();
        let found = if trust::is_always(data) { None } else { query.maximize(model, term, EVERYWHERE, rng) };
        let gain = found.as_ref().map_or(f64::INFINITY, |found| found.why.acquisition);
        let begun = self.elsewhere.has_begun(data, &scales);
        if gain >= basin::EXPLORED && !begun {
            if trust::is_due(data, query.turn) {
                let model = self.memory.model(query.layout, data, 0)?;
                let parameters = query.space.parameters();
                let area = TrustBox::new(data, &scales, |d| parameters[d].domain.is_categorical());
                return query.maximize(model, term, Region::Near(&area), rng);
            }
            let near = if query.turn % 4 == 2 { self.polish(query, &scales, term, rng) } else { None };
            return near
                .map(|(near, _)| near)
                .filter(|near| near.why.acquisition > basin::POLISHED)
                .or(found);
        }
        // What looks flat from afar need not be flat in its own units.
        let near = self.polish(query, &scales, term, rng);
        let near = near.map(|(near, slope)| (near.why.acquisition + libm::log(slope / unit), near));
        let most = near.as_ref().map_or(gain, |(near, _)| near.max(gain));
        if basin::is_away(most, begun, query.turn, query.space.len()) {
            let all = self.memory.model(query.layout, data, 0)?;
            self.elsewhere.begin_like(&self.memory);
            let other = self.elsewhere.suggest(query, &all, &scales, term, rng);
            if other.is_some() {
                return other;
            }
        }
        let forced = query.turn % 4 == 2 || query.turn.is_multiple_of(2) && gain < basin::EXPLORED;
        match near {
            Some((near_gain, near)) if near_gain >= gain || forced => Some(near),
            None if forced => {
                let model = self.memory.model(query.layout, data, 0)?;
                let basin = Basin::at(data.point(*data.order().first()?), &scales);
                query.maximize(model, term, Region::Inside(&basin), rng).or(found)
            }
            _ => found,
        }
    }

    /// The most promising point near the best one, by a model of what lies around it alone, and that model's slope.
    fn polish(
        &mut self,
        query: &Query<'_>,
        scales: &[f64],
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<(Suggestion, f64)> {
        let (near, basin) = query.data.around_best(scales)?;
        let model = self.nearby.model(query.layout, &near, CHALLENGES)?;
        let slope = model.slope();
        query.maximize(model, term, Region::Inside(&basin), rng).map(|found| (found, slope))
    }
}

impl Query<'_> {
    /// Lengthscales between a twentieth and a half of the space.
    fn lengthscales(&self, model: &Model) -> Vec<f64> {
        model.gp.theta[..self.space.len()].iter().map(|l| libm::exp(*l).clamp(0.05, 0.5)).collect()
    }

    pub(super) fn maximize(
        &self,
        mut model: Model,
        term: &mut dyn Landscape,
        region: Region<'_>,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let points = model.gp.best_points(model.gp.len()).into_iter();
        let good: Vec<Vec<f64>> =
            points.filter(|x| region.contains(x)).take(5).map(|x| latent_of(&x)).collect();
        let best = level(&model, region);
        for features in &self.pending {
            model.gp.append(features, None);
        }
        let inverse: Vec<f64> = model.gp.theta[..self.space.len()].iter().map(|l| libm::exp(-l)).collect();
        let reach: Vec<f64> = match region {
            Region::Near(area) => area.half.iter().map(|half| half.min(1.0)).collect(),
            _ => inverse.iter().map(|i| (1.0 / i).min(1.0)).collect(),
        };
        let criterion = Criterion::new(self.acquisition, best, self.weight);
        // Large models make dear predictions: fewer of them.
        let effort = match model.gp.len() {
            0..=300 => Effort { spread: 256, near: 128, starts: 6, evaluations: 40 },
            _ => Effort { spread: 128, near: 64, starts: 3, evaluations: 25 },
        };
        let latent = if self.acquisition == Acquisition::ThompsonSampling {
            let (spread, near) = candidates(self.space, &good, &reach, effort, rng);
            let features = |latent: Vec<f64>| (self.space.features(&latent), latent);
            let points = spread.into_iter().chain(near).map(features);
            let (points, mut latents): (Vec<_>, Vec<_>) = points.filter(|(x, _)| region.contains(x)).unzip();
            let terms: Vec<f64> = latents.iter().map(|latent| score(self.space, term, latent)).collect();
            latents.swap_remove(least_drawn(&model.gp, &points, &terms, rng)?)
        } else {
            let is_noisy = self.acquisition == Acquisition::NoisyExpectedImprovement;
            let parts = if is_noisy { noiseless(&model, rng) } else { None };
            let mut surface = match &parts {
                Some(parts) => Surface::over(parts.iter().map(|(gp, level)| (gp, *level)), region, term),
                None => Surface::new(&model.gp, criterion, region, term),
            };
            search(self.space, &mut surface, &good, &reach, effort, rng)?.latent
        };
        let at = model.gp.predictor().marginal(&self.space.features(&latent));
        Some(self.explained(&model, latent, at, criterion.score(at).value))
    }

    /// A point with what a model says of it.
    pub(super) fn explained(
        &self,
        model: &Model,
        latent: Vec<f64>,
        at: Marginal,
        acquisition: f64,
    ) -> Suggestion {
        let inverse: Vec<f64> = model.gp.theta[..self.space.len()].iter().map(|l| libm::exp(-l)).collect();
        let (mean, slope) = model.targets.loss(at.mean);
        let total: f64 = inverse.iter().sum();
        let why = Explanation {
            mean,
            sd: at.variance.sqrt() * slope,
            acquisition,
            importance: inverse.iter().map(|i| i / total).collect(),
            model: model.regime.to_string(),
        };
        Suggestion { latent, why }
    }

    /// 1 / lengthscale of plain parameters, and a huge number for choices.
    fn scales(&self, theta: &[f64]) -> Vec<f64> {
        let scale = |(l, parameter): (&f64, &Parameter)| {
            if parameter.domain.is_categorical() { basin::CHOICE } else { libm::exp(-l) }
        };
        theta.iter().zip(self.space.parameters()).map(scale).collect()
    }
}
