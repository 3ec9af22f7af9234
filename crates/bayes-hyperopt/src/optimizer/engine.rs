//! One suggestion from what was told: the models, where to look, and the best point there.

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::Explanation;
use super::basin::{self, Basin};
use super::elsewhere::Elsewhere;
use super::local::{Arm, Local};
use super::memory::{Memory, Model};
use super::regime::Regime;
use super::sampled::{self, fantasies, least_drawn, noiseless};
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
    #[serde(default)]
    local: Local,
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
            local: Local::new(memory.clone()),
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
        self.local.settle(data);
        let (found, source) = self.choose(query, term, rng)?;
        if let Some((arm, slope)) = source.filter(|_| query.promises()) {
            let features = query.space.features(&found.latent);
            self.local.note(arm, features, data, found.why.acquisition + libm::log(slope));
        }
        Some(found)
    }

    /// The same with the model that it comes from and losses a target there, where these models compete.
    fn choose(&mut self, query: &Query<'_>, term: &mut dyn Landscape, rng: &mut Stream) -> Option<Choice> {
        let data = query.data;
        let challenges = (200 / data.losses.len()).clamp(CHALLENGES, 9);
        let mut model = self.memory.model(query.layout, data, challenges)?;
        let scales = query.scales(&model.gp.theta);
        let unit = model.slope();
        if query.local {
            let best = model.gp.best_points(1).pop()?;
            let area = TrustBox::around(best, query.lengthscales(&model));
            let found = query.maximize(model, term, Region::Near(&area), rng)?;
            if found.why.acquisition >= basin::EXPLORED {
                return Some((found, None));
            }
            let near = self.local.suggest(query, &scales, true, term, rng);
            if let Some((near, slope)) = near.filter(|(near, _)| near.why.acquisition > basin::POLISHED) {
                return Some((near, Some((Arm::Near, slope))));
            }
            model = self.memory.model(query.layout, data, 0)?;
        }
        let hot = self.local.is_hot() && !query.turn.is_multiple_of(4);
        // Ripples hide the slope they lie on from a model that follows each of them.
        let rough = model.regime.smoothness != Smoothness::Rbf;
        if rough && !trust::is_always(data) && query.turn % 4 == 3 && !hot {
            let trend = self.trend.model(query.layout, data, CHALLENGES);
            let found = trend.and_then(|trend| query.maximize(trend, &mut *term, EVERYWHERE, rng));
            if let Some(found) = found.filter(|found| found.why.acquisition >= basin::EXPLORED) {
                return Some((found, None));
            }
        }
        let found = if trust::is_always(data) { None } else { query.maximize(model, term, EVERYWHERE, rng) };
        let gain = found.as_ref().map_or(f64::INFINITY, |found| found.why.acquisition);
        let found = found.map(|found| (found, Some((Arm::All, unit))));
        let begun = self.elsewhere.has_begun(data, &scales);
        let near = self.local.suggest(query, &scales, false, term, rng);
        let near = near.filter(|(near, _)| near.why.acquisition > basin::POLISHED);
        // What looks flat from afar need not be flat in its own units.
        let near_gain = |near: &(Suggestion, f64)| near.0.why.acquisition + libm::log(near.1 / unit);
        let near_gain = near.as_ref().map_or(f64::NEG_INFINITY, near_gain);
        let near = near.map(|(near, slope)| (near, Some((Arm::Near, slope))));
        let open = gain >= basin::EXPLORED && !begun;
        let earned = near_gain >= gain + self.local.handicap() && !query.turn.is_multiple_of(4);
        // What is left to gain in a small basin is no reason to stay there.
        if near.is_some() && query.promises() && earned && (open || hot && near_gain >= basin::EXPLORED) {
            return near;
        }
        if open {
            if trust::is_due(data, query.turn) {
                let model = self.memory.model(query.layout, data, 0)?;
                let parameters = query.space.parameters();
                let area = TrustBox::new(data, &scales, |d| parameters[d].domain.is_categorical());
                return query.maximize(model, term, Region::Near(&area), rng).map(|found| (found, None));
            }
            return near.filter(|_| query.turn % 4 == 2).or(found);
        }
        let most = near_gain.max(gain);
        if basin::is_away(most, begun, query.turn, query.space.len()) {
            let all = self.memory.model(query.layout, data, 0)?;
            self.elsewhere.begin_like(&self.memory);
            let other = self.elsewhere.suggest(query, &all, &scales, term, rng);
            if other.is_some() {
                return other.map(|other| (other, None));
            }
        }
        let forced = query.turn % 4 == 2 || query.turn.is_multiple_of(2) && gain < basin::EXPLORED;
        match near {
            Some(near) if near_gain >= gain || forced => Some(near),
            None if forced => {
                let model = self.memory.model(query.layout, data, 0)?;
                let basin = Basin::at(data.point(*data.order().first()?), &scales);
                let near = query.maximize(model, term, Region::Inside(&basin), rng);
                near.map(|near| (near, None)).or(found)
            }
            _ => found,
        }
    }
}

/// A suggestion with the model that it comes from and losses a target of it, where the two models compete.
type Choice = (Suggestion, Option<(Arm, f64)>);

impl Query<'_> {
    /// Whether acquisitions are logarithms of improvements expected.
    fn promises(&self) -> bool {
        matches!(self.acquisition, Acquisition::ExpectedImprovement | Acquisition::NoisyExpectedImprovement)
    }

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
        let counts = self.acquisition == Acquisition::ExpectedImprovement
            && sampled::are_drawn(self.pending.len(), model.gp.len());
        let parts = if counts { fantasies(&model.gp, &self.pending, best, rng) } else { None };
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
            let parts = if is_noisy { noiseless(&model, rng) } else { parts };
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
