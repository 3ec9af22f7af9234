//! The initial design, and suggestions from what was told.

use meta_traits::{Stream, TrialId};

use super::BayesOptimizer;
use super::engine::{Query, Suggestion};
use super::feasibility::{self, Chance};
use super::record::{Queued, Told};
use super::subset::Data;
use super::surface::Flat;
use crate::maximize::Landscape;

impl BayesOptimizer {
    /// The point of trial `id`; without a reason where it is of the initial design or drawn at random.
    pub(super) fn propose(&mut self, id: TrialId) -> Queued {
        if id.0 < self.state.config.n_initial_points as u64 {
            let latent = self.spread(id);
            return Queued { features: self.space.features(&latent), latent, why: None };
        }
        if self.state.queue.is_empty() {
            for i in 0..self.state.config.n_suggestions as u64 {
                let next = self.one(TrialId(id.0 + i));
                self.state.queue.push(next);
            }
        }
        self.state.queue.remove(0)
    }

    fn one(&mut self, id: TrialId) -> Queued {
        let mut rng = self.state.root.child("trial", id.0);
        let (latent, why) = match self.suggest(id, &mut rng) {
            Some(found) if !self.is_known(&found.latent) => (found.latent, Some(found.why)),
            _ => (self.space.sample_latent(&mut rng), None),
        };
        Queued { features: self.space.features(&latent), latent, why }
    }

    fn suggest(&mut self, id: TrialId, rng: &mut Stream) -> Option<Suggestion> {
        let (mut all, mut usable) = (vec![Vec::new(); self.space.len()], Vec::new());
        let mut data = Data::default();
        for record in self.state.told.values() {
            all.iter_mut().zip(&record.features).for_each(|(column, f)| column.push(*f));
            usable.push(matches!(record.told, Told::Sound(_)));
            if let Told::Sound(seen) = &record.told {
                data.push(&record.features, seen.losses[0]);
            }
        }
        let outcomes = feasibility::fit(&mut self.state.outcomes, &self.layout, all, &usable);
        let mut chance = outcomes.as_ref().map(Chance::new);
        let mut flat = Flat;
        let term: &mut dyn Landscape = match &mut chance {
            Some(chance) => chance,
            None => &mut flat,
        };
        let pending = self.state.pending.values().map(|pending| &pending.features);
        let awaited = pending.chain(self.state.queue.iter().map(|queued| &queued.features));
        let query = Query {
            space: &self.space,
            layout: &self.layout,
            data: &data,
            pending: awaited.collect(),
            acquisition: self.state.config.acquisition_function,
            weight: self.state.config.exploration_weight,
            turn: id.0,
            local: false,
        };
        self.state.engine.suggest(&query, term, rng)
    }

    /// Whether the point is told or pending already.
    fn is_known(&self, latent: &[f64]) -> bool {
        let features = self.space.features(latent);
        let told = self.state.told.values().map(|r| &r.features);
        let pending = self.state.pending.values().map(|p| &p.features);
        let same = |other: &Vec<f64>| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10);
        let queued = self.state.queue.iter().map(|q| &q.features);
        told.chain(pending).chain(queued).any(same)
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
