//! The search for other minima than those explored already.
//!
//! A minimum that is explored begins a new search, which knows only what is told from then on: a few points at random,
//! then a model of its own, whose level is the best of its own points. Whatever leads down into an explored minimum is no
//! business of it: neither are such points told to its model, nor are they suggested. Else it would settle on the rim of the
//! largest basin, where losses are low. What leads down where is said by the model of all data (as in multi-level single
//! linkage, Rinnooy Kan & Timmer 1987).

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::basin::{self, Basin};
use super::engine::{CHALLENGES, EVERYWHERE, Query, Suggestion};
use super::memory::{Memory, Model};
use super::subset::Data;
use super::surface::{Mean, Region, level};
use crate::acquisition::Criterion;
use crate::full::latent_of;
use crate::maximize::{Found, Landscape, improve};

/// Points at random that a search begins with, at most; else one a parameter.
const FIRST: usize = 10;
/// Points drawn or sought until one leads to no known minimum.
const DRAWN: usize = 20;
const SOUGHT: usize = 5;
/// Evaluations of a mean on the way down from a point.
const DESCENT: usize = 60;

/// The minima explored, and the search beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    memory: Memory,
    /// Features of the minima explored.
    minima: Vec<Vec<f64>>,
    /// How many points were told when the present search began.
    before: usize,
}

impl Elsewhere {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, minima: Vec::new(), before: 0 }
    }

    /// Takes up what is known of the models of all data, unless there is something already.
    pub(super) fn begin_like(&mut self, memory: &Memory) {
        self.memory.begin_like(memory);
    }

    fn basins(&self, scales: &[f64]) -> Vec<Basin> {
        self.minima.iter().map(|minimum| Basin::at(minimum.clone(), scales)).collect()
    }

    /// Whether the best point lies in a minimum explored.
    pub(super) fn has_begun(&self, data: &Data, scales: &[f64]) -> bool {
        let best = data.order().first().map(|i| data.point(*i));
        best.is_some_and(|best| self.basins(scales).iter().any(|basin| basin.contains(&best)))
    }

    /// A point that leads to no minimum explored; `None` where none is found. `all` is the model of all data.
    pub(super) fn suggest(
        &mut self,
        query: &Query<'_>,
        all: &Model,
        scales: &[f64],
        term: &mut dyn Landscape,
        rng: &mut Stream,
    ) -> Option<Suggestion> {
        let data = query.data;
        if !self.has_begun(data, scales) {
            self.minima.push(data.point(*data.order().first()?));
            self.before = data.losses.len();
        }
        let basins = self.basins(scales);
        let (own, known) = self.divide(query, all, &basins);
        if own.losses.len() < query.space.len().clamp(2, FIRST) {
            return draw(query, all, &basins, &known, rng);
        }
        let mut challenges = CHALLENGES + 1;
        let mut closed = basins;
        for _ in 0..SOUGHT {
            let model = self.memory.model(query.layout, &own, challenges)?;
            let found = query.maximize(model, term, Region::Outside(&closed), rng)?;
            let features = query.space.features(&found.latent);
            if !leads_into(query, all, &features, &known) {
                if found.why.acquisition < basin::EXPLORED {
                    self.minima.push(own.point(*own.order().first()?));
                    self.before = data.losses.len();
                }
                return Some(found);
            }
            let aside = closed[0].half_around(features);
            closed.push(aside);
            challenges = 0;
        }
        None
    }

    /// What the present search knows, and the basins with smaller balls around the points told that lead into them.
    fn divide(&self, query: &Query<'_>, all: &Model, basins: &[Basin]) -> (Data, Vec<Basin>) {
        let mut known = basins.to_vec();
        let mut own = Vec::new();
        for i in query.data.order() {
            let x = query.data.point(i);
            if basins.iter().any(|basin| basin.contains(&x)) {
                continue;
            }
            if leads_into(query, all, &x, &known) {
                known.push(basins[0].half_around(x));
            } else if i >= self.before {
                own.push(i);
            }
        }
        (query.data.pick(own), known)
    }
}

/// Whether the mean of a model leads from a point down into one of the basins.
fn leads_into(query: &Query<'_>, model: &Model, features: &[f64], basins: &[Basin]) -> bool {
    let mut mean = Mean(model.gp.predictor());
    let start = Found { latent: latent_of(features), value: mean.value(features) };
    let end = query.space.features(&improve(query.space, &mut mean, start, DESCENT).latent);
    basins.iter().any(|basin| basin.contains(&end))
}

/// A random point that leads to no known minimum.
fn draw(
    query: &Query<'_>,
    all: &Model,
    basins: &[Basin],
    known: &[Basin],
    rng: &mut Stream,
) -> Option<Suggestion> {
    let mut latents = (0..DRAWN).map(|_| query.space.sample_latent(rng));
    let latent = latents.find(|latent| {
        let features = query.space.features(latent);
        !basins.iter().any(|basin| basin.contains(&features)) && !leads_into(query, all, &features, known)
    })?;
    let at = all.gp.predictor().marginal(&query.space.features(&latent));
    let best = level(all, EVERYWHERE);
    let acquisition = Criterion::new(query.acquisition, best, query.weight).score(at).value;
    Some(query.explained(all, latent, at, acquisition))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Layout;
    use crate::optimizer::regime::Regime;
    use crate::optimizer::surface::Flat;
    use crate::{Acquisition, Domain, KernelKind, Parameter, SearchSpace};

    /// A wide well at 0.2 that was explored, and a deeper one at 0.8 that nothing told lies in.
    fn loss(x: f64) -> f64 {
        let well = |depth: f64, at: f64| -depth * (-((x - at) / 0.1).powi(2)).exp();
        well(1.0, 0.2) + well(1.5, 0.8)
    }

    #[test]
    fn an_explored_minimum_is_left_for_good() {
        let space =
            SearchSpace::new(vec![Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 })]).unwrap();
        let layout = Layout::new(&space);
        let mut data = Data::default();
        for x in [0.05, 0.12, 0.18, 0.2, 0.22, 0.3, 0.4, 0.55] {
            data.push(&[x], loss(x));
        }
        let mut memory = Memory::new(Regime::new(KernelKind::Rbf));
        let mut elsewhere = Elsewhere::new(memory.clone());
        let scales = [10.0];
        assert!(!elsewhere.has_begun(&data, &scales));
        let rng = Stream::root(3);
        for turn in 0..12 {
            let all = memory.model(&layout, &data, 0).unwrap();
            let query = Query {
                space: &space,
                layout: &layout,
                data: &data,
                pending: Vec::new(),
                acquisition: Acquisition::ExpectedImprovement,
                weight: 0.1,
                turn,
                local: false,
            };
            let found =
                elsewhere.suggest(&query, &all, &scales, &mut Flat, &mut rng.child("turn", turn)).unwrap();
            let x = found.latent[0];
            assert!((x - 0.2).abs() >= 0.2, "{x}");
            assert!(elsewhere.has_begun(&data, &scales));
            assert_eq!(elsewhere.minima[0], [0.2]);
            data.push(&[x], loss(x));
            if loss(x) < loss(0.2) {
                return;
            }
        }
        panic!("the deeper minimum was not found: {:?}", data.columns);
    }
}
