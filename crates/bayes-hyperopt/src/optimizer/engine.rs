//! One suggestion from what was told: the models, where to look, and the best point there.

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::Explanation;
use super::basin::{self, Basin};
use super::memory::{Memory, Model};
use super::regime::Regime;
use super::subset::Data;
pub(crate) use super::surface::Flat;
use super::surface::{Mean, Region, Surface, level};
use super::trust::{self, TrustBox};
use crate::acquisition::Criterion;
use crate::full::latent_of;
use crate::kernel::Layout;
use crate::maximize::{Effort, Found, Landscape, improve, search};
use crate::{Acquisition, Parameter, SearchSpace};

/// Basins left aside at most in one suggestion.
const MOST_BASINS: usize = 4;
/// Kinds of model that try to replace the present one at each suggestion.
const CHALLENGES: usize = 2;
/// Up to so many points a parameter, and so many in all, the acquisition is a mean over draws of the model's parameters.
const FEW: [usize; 2] = [5, 60];
/// So many draws.
const DRAWS: usize = 8;
/// Evaluations of the model's mean on the way down from a point.
const DESCENT: usize = 60;

const EVERYWHERE: Region<'static> = Region::Outside(&[]);

/// What the models have learnt about themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Engine {
    pub(crate) memory: Memory,
    elsewhere: Memory,
    nearby: Memory,
}

/// Whether the best parameters alone would make a model of so many points too sure of itself.
pub(super) fn few(points: usize, dimensions: usize) -> bool {
    (3..=FEW[1].min(FEW[0] * dimensions)).contains(&points)
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
        Self { elsewhere: memory.clone(), nearby: memory.clone(), memory }
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
        let scales = query.scales(&model.gp.theta);
        if query.turn % 4 == 2
            && let Some(found) = self.polish(query, &scales, term, rng)
            && found.why.acquisition > basin::POLISHED
        {
            return Some(found);
        }
        if trust::is_due(data, query.turn) {
            let parameters = query.space.parameters();
            let area = TrustBox::new(data, &scales, |d| parameters[d].domain.is_categorical());
            return query.maximize(model, term, Region::Near(&area), rng);
        }
        let found = query.maximize(model, &mut *term, EVERYWHERE, rng);
        if !found.as_ref().is_some_and(|found| basin::look_elsewhere(found.why.acquisition, query.turn)) {
            return found;
        }
        // What looks flat from afar need not be flat in its own units.
        if let Some(near) = self.polish(query, &scales, term, rng)
            && near.why.acquisition >= basin::EXPLORED
        {
            return Some(near);
        }
        self.elsewhere.begin_like(&self.memory);
        self.look_elsewhere(query, &scales, term, rng).or(found)
    }

    /// The most promising point near the best one, by a model of what lies around it alone.
    fn polish(
        &mut self,
        query: &Query<'_>,
        scales: &[f64],
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let (near, basin) = query.data.around_best(scales)?;
        let model = self.nearby.model(query.layout, &near, CHALLENGES)?;
        query.maximize(model, term, Region::Inside(&basin), rng)
    }

    /// The most promising point outside of the minima explored already; the best there is of those that are none.
    fn look_elsewhere(
        &mut self,
        query: &Query<'_>,
        scales: &[f64],
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let all = self.memory.model(query.layout, query.data, 0)?;
        let mut basins = Vec::new();
        let mut found = None;
        for _ in 0..MOST_BASINS {
            let part = query.data.outside(&basins)?;
            let best = part.order().into_iter().map(|i| part.point(i));
            let best = best.into_iter().find(|x| !basins.iter().any(|basin: &Basin| basin.contains(x)))?;
            query.fill(&all, Basin::at(best, scales), &mut basins);
            let part = query.data.outside(&basins)?;
            let model = self.elsewhere.model(query.layout, &part, CHALLENGES + 1)?;
            found = query.maximize(model, term, Region::Outside(&basins), rng);
            if found.as_ref().is_some_and(|found| found.why.acquisition >= basin::EXPLORED) {
                break;
            }
        }
        found
    }
}

impl Query<'_> {
    /// Adds a basin and balls around those points told from which the model's mean leads down into it.
    fn fill(&self, model: &Model, basin: Basin, basins: &mut Vec<Basin>) {
        let mut mean = Mean(model.gp.predictor());
        let points = self.data.order().into_iter().map(|i| self.data.point(i));
        let around: Vec<Basin> = points
            .filter(|x| !basin.contains(x) && basin.shares_choices(x))
            .filter(|x| {
                let start = Found { latent: latent_of(x), value: mean.value(x) };
                let end = improve(self.space, &mut mean, start, DESCENT);
                basin.contains(&self.space.features(&end.latent))
            })
            .map(|x| basin.half_around(x))
            .collect();
        basins.push(basin);
        basins.extend(around);
    }

    /// Lengthscales between a twentieth and a half of the space.
    fn lengthscales(&self, model: &Model) -> Vec<f64> {
        model.gp.theta[..self.space.len()].iter().map(|l| libm::exp(*l).clamp(0.05, 0.5)).collect()
    }

    fn maximize(
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
        let few = few(model.gp.len(), self.space.len());
        let mut further = if few { model.draws(DRAWS, &mut rng.child("draws", 0)) } else { Vec::new() };
        for features in &self.pending {
            model.gp.append(features, None);
            for gp in &mut further {
                gp.append(features, None);
            }
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
        let mut surface = Surface::new(&model.gp, &further, criterion, region, term);
        let found = search(self.space, &mut surface, &good, &reach, effort, rng)?;
        let (at, acquisition) = surface.at(&self.space.features(&found.latent));
        let (mean, slope) = model.targets.loss(at.mean);
        let total: f64 = inverse.iter().sum();
        let why = Explanation {
            mean,
            sd: at.variance.sqrt() * slope,
            acquisition,
            importance: inverse.iter().map(|i| i / total).collect(),
            model: model.regime.to_string(),
        };
        Some(Suggestion { latent: found.latent, why })
    }

    /// 1 / lengthscale of plain parameters, and a huge number for choices.
    fn scales(&self, theta: &[f64]) -> Vec<f64> {
        let scale = |(l, parameter): (&f64, &Parameter)| {
            if parameter.domain.is_categorical() { basin::CHOICE } else { libm::exp(-l) }
        };
        theta.iter().zip(self.space.parameters()).map(scale).collect()
    }
}
