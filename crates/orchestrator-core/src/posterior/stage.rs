use std::collections::BTreeMap;

use meta_traits::Stream;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use serde::{Deserialize, Serialize};

use super::Prior;
use super::features::{Feature, FeatureId, Features, Kind};
use crate::draws::normal;

/// What rows say of one stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) system: usize,
    pub(super) example: usize,
    pub(super) successes: f64,
    pub(super) trials: f64,
}

/// One stage: effects of features and difficulties of examples on the logit of passing it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stage {
    /// Components that are blamed here; none means any.
    blamed: Vec<usize>,
    /// Features that have an effect here, and the place of each feature.
    members: Vec<FeatureId>,
    places: Vec<Option<usize>>,
    /// The constant, the weights of hearsay for and against, then the members.
    means: Vec<f64>,
    pub(super) difficulties: Vec<f64>,
    /// Learned variances.
    clause: f64,
    foreign: f64,
    rest: f64,
    difficulty: f64,
    /// Curvature of the difficulties, and the factor of that of the effects; follow from the rest and the rows.
    #[serde(skip)]
    pub(super) certainty: Vec<f64>,
    #[serde(skip)]
    curvature: Option<Cholesky<f64, Dyn>>,
}

/// The constant and the two weights of hearsay come before the members.
const FIXED: usize = 3;
/// Mean and variance of how much an effect remembered counts before any result: half, give or take half.
const MEMORY: (f64, f64) = (0.3, 0.15);
/// Longest step of an effect: a Newton step from far away overshoots.
const LONGEST: f64 = 1.5;

pub(super) fn sigma(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The normal equations of a stage.
struct System {
    matrix: DMatrix<f64>,
    gradient: DVector<f64>,
    /// A row an example: places met there and their weights.
    cross: Vec<Vec<(usize, f64)>>,
    example_gradient: Vec<f64>,
    example_weight: Vec<f64>,
}

impl Stage {
    pub(super) fn new(blamed: &[usize], examples: usize, prior: &Prior) -> Self {
        Self {
            blamed: blamed.to_vec(),
            members: Vec::new(),
            places: Vec::new(),
            means: vec![0.0, prior.hearsay.0, -prior.hearsay.0],
            difficulties: vec![0.0; examples],
            clause: prior.clause,
            foreign: prior.foreign,
            rest: prior.rest,
            difficulty: prior.difficulty,
            certainty: Vec::new(),
            curvature: None,
        }
    }

    pub(super) fn is_sound(&self, features: &Features, examples: usize) -> bool {
        let finite = |x: &[f64]| x.iter().all(|v| v.is_finite());
        let placed = |(id, place): (usize, &Option<usize>)| match place {
            None => true,
            Some(p) => *p >= FIXED && self.members.get(*p - FIXED) == Some(&id),
        };
        self.members.iter().all(|id| *id < self.places.len())
            && self.places.len() <= features.len()
            && self.places.iter().enumerate().all(placed)
            && self.places.iter().flatten().count() == self.members.len()
            && self.means.len() == FIXED + self.members.len()
            && self.difficulties.len() == examples
            && finite(&self.means)
            && finite(&self.difficulties)
            && finite(&[self.clause, self.rest, self.difficulty, self.foreign])
            && [self.clause, self.rest, self.difficulty].iter().all(|v| *v > 0.0)
            && self.foreign >= 0.0
    }

    fn is_own(&self, feature: Feature) -> bool {
        self.blamed.is_empty() || self.blamed.contains(&feature.component)
    }

    /// The variance of a feature's effect before any result; none when it has no effect here.
    fn variance_of(&self, feature: Feature) -> Option<f64> {
        match (feature.kind, self.is_own(feature)) {
            (Kind::Memory, own) => own.then_some(MEMORY.1),
            (Kind::Clause, true) => Some(self.clause),
            (Kind::Clause, false) => (self.foreign > 0.0).then_some(self.foreign),
            (Kind::Rest, true) => Some(self.rest),
            (Kind::Rest, false) => None,
        }
    }

    /// The mean of a feature's effect before any result.
    fn lean(feature: Feature) -> f64 {
        if feature.kind == Kind::Memory { MEMORY.0 } else { 0.0 }
    }

    /// Takes up features that are new.
    pub(super) fn grow(&mut self, features: &Features) {
        for id in self.places.len()..features.len() {
            let feature = features.get(id);
            let place = self.variance_of(feature).map(|_| {
                self.members.push(id);
                self.means.push(Self::lean(feature));
                self.means.len() - 1
            });
            self.places.push(place);
        }
    }

    /// What a system's features come to here, as (place, value).
    fn values(&self, features: &Features, system: &[FeatureId]) -> Vec<(usize, f64)> {
        let (mut wanted, mut blamed) = (0.0, 0.0);
        let mut remembered: BTreeMap<usize, f64> = BTreeMap::new();
        let mut values = vec![(0, 1.0)];
        for &id in system {
            let feature = features.get(id);
            if feature.kind == Kind::Clause && self.is_own(feature) {
                wanted += feature.wanted;
                blamed += feature.blamed;
                if feature.remembered != 0.0
                    && let Some(place) = self.memory(features, feature)
                {
                    *remembered.entry(place).or_insert(0.0) += feature.remembered;
                }
            }
            if let Some(place) = self.places.get(id).copied().flatten() {
                values.push((place, 1.0));
            }
        }
        values.extend(remembered);
        values.push((1, wanted));
        values.push((2, blamed));
        values
    }

    /// The place of what says how much a clause's memory counts.
    fn memory(&self, features: &Features, clause: Feature) -> Option<usize> {
        self.places.get(features.memory(clause.component)?).copied().flatten()
    }

    /// Prior mean and variance by place.
    fn expected(&self, features: &Features, prior: &Prior) -> Vec<(f64, f64)> {
        let (lean, spread) = prior.hearsay;
        let fixed = [(0.0, prior.constant), (lean, spread), (-lean, spread)];
        let member = |id: &FeatureId| {
            let feature = features.get(*id);
            (Self::lean(feature), self.variance_of(feature).unwrap_or(1e-8))
        };
        fixed.into_iter().chain(self.members.iter().map(member)).collect()
    }

    fn equations(
        &self,
        features: &Features,
        systems: &[Vec<FeatureId>],
        tallies: &[Tally],
        prior: &Prior,
    ) -> System {
        let (n, examples) = (self.means.len(), self.difficulties.len());
        let values: Vec<Vec<(usize, f64)>> = systems.iter().map(|s| self.values(features, s)).collect();
        let sums: Vec<f64> =
            values.iter().map(|v| v.iter().map(|(place, x)| x * self.means[*place]).sum()).collect();
        let mut by_system = vec![(0.0, 0.0); systems.len()];
        let mut met = vec![0.0; examples * n];
        let mut example_gradient = vec![0.0; examples];
        let mut example_weight = vec![0.0; examples];
        for tally in tallies {
            let p = sigma(sums[tally.system] + self.difficulties[tally.example]);
            let g = tally.successes - tally.trials * p;
            let w = tally.trials * p * (1.0 - p);
            by_system[tally.system].0 += g;
            by_system[tally.system].1 += w;
            let here = &mut met[tally.example * n..(tally.example + 1) * n];
            for (place, x) in &values[tally.system] {
                here[*place] += w * x;
            }
            example_gradient[tally.example] += g;
            example_weight[tally.example] += w;
        }
        let mut matrix = DMatrix::zeros(n, n);
        let mut gradient = DVector::zeros(n);
        for (values, (g, w)) in values.iter().zip(&by_system).filter(|(_, (_, w))| *w > 0.0) {
            for (i, x) in values {
                gradient[*i] += g * x;
                for (j, y) in values.iter().filter(|(j, _)| j <= i) {
                    matrix[(*i, *j)] += w * x * y;
                }
            }
        }
        for (place, (mean, variance)) in self.expected(features, prior).into_iter().enumerate() {
            gradient[place] -= (self.means[place] - mean) / variance;
            matrix[(place, place)] += 1.0 / variance;
        }
        let there = |met: &[f64]| met.iter().copied().enumerate().filter(|(_, w)| *w != 0.0).collect();
        let cross: Vec<Vec<(usize, f64)>> = met.chunks(n).map(there).collect();
        let precision = 1.0 / self.difficulty;
        for (j, here) in cross.iter().enumerate() {
            example_gradient[j] -= self.difficulties[j] * precision;
            example_weight[j] += precision;
            let inverse = 1.0 / example_weight[j];
            for (at, (a, u)) in here.iter().enumerate() {
                gradient[*a] -= u * inverse * example_gradient[j];
                let scaled = u * inverse;
                for (b, v) in &here[..=at] {
                    matrix[(*a, *b)] -= scaled * v;
                }
            }
        }
        System { matrix, gradient, cross, example_gradient, example_weight }
    }

    /// One Newton step on effects and difficulties together.
    pub(super) fn step(
        &mut self,
        features: &Features,
        systems: &[Vec<FeatureId>],
        tallies: &[Tally],
        prior: &Prior,
    ) {
        let mut system = self.equations(features, systems, tallies, prior);
        let Some(factor) = system.matrix.cholesky() else { return };
        factor.solve_mut(&mut system.gradient);
        let change = &system.gradient;
        let scale = (LONGEST / change.amax().max(1e-12)).min(1.0);
        for (j, here) in system.cross.iter().enumerate() {
            let moved: f64 = here.iter().map(|(a, u)| u * change[*a]).sum();
            self.difficulties[j] += scale * (system.example_gradient[j] - moved) / system.example_weight[j];
        }
        for (mean, change) in self.means.iter_mut().zip(change.iter()) {
            *mean += scale * change;
        }
    }

    /// The curvature where the step arrived.
    pub(super) fn factor(
        &mut self,
        features: &Features,
        systems: &[Vec<FeatureId>],
        tallies: &[Tally],
        prior: &Prior,
    ) {
        let system = self.equations(features, systems, tallies, prior);
        self.curvature = system.matrix.cholesky();
        self.certainty = system.example_weight;
    }

    /// Learns variances: one damped EM step, with the curvature of the last factor.
    pub(super) fn learn(&mut self, features: &Features, prior: &Prior) {
        let Some(factor) = &self.curvature else { return };
        let inverse = factor.inverse();
        let (mut own, mut foreign, mut rest) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
        for (at, id) in self.members.iter().enumerate() {
            let (place, feature) = (FIXED + at, features.get(*id));
            if place >= inverse.nrows() {
                break;
            }
            let (sum, count) = match (feature.kind, self.is_own(feature)) {
                (Kind::Clause, true) => &mut own,
                (Kind::Clause, false) => &mut foreign,
                (Kind::Rest, _) => &mut rest,
                // How much memories count is a mean with a prior of its own, not one of many alike.
                (Kind::Memory, _) => continue,
            };
            *sum += self.means[place].powi(2) + inverse[(place, place)];
            *count += 1.0;
        }
        let blend = |old: f64, (sum, count): (f64, f64), first: f64, weight: f64| {
            0.5 * old + 0.5 * (weight * first + sum) / (weight + count)
        };
        self.clause = blend(self.clause, own, prior.clause, prior.weight.0);
        if self.foreign > 0.0 {
            self.foreign = blend(self.foreign, foreign, prior.foreign, prior.weight.0);
        }
        self.rest = blend(self.rest, rest, prior.rest, prior.weight.1);
        let spread = self.difficulties.iter().zip(&self.certainty);
        let spread = spread.fold((0.0, 0.0), |(s, n), (b, c)| (s + b * b + 1.0 / c, n + 1.0));
        self.difficulty = blend(self.difficulty, spread, prior.difficulty, prior.weight.2);
    }

    /// The variance of what a text not evaluated yet is beyond its clauses; 0 where its component is not blamed.
    pub(super) fn rest_variance(&self, component: usize) -> f64 {
        let own = self.blamed.is_empty() || self.blamed.contains(&component);
        if own { self.rest } else { 0.0 }
    }

    /// Mean and variance of z without difficulty; features newer than the last update add their prior variance.
    pub(super) fn predict(&self, features: &Features, system: &[FeatureId]) -> (f64, f64) {
        let Some(factor) = &self.curvature else { return (0.0, 4.0) };
        let n = factor.l_dirty().nrows();
        let mut x = DVector::zeros(n);
        let (mut mean, mut more) = (0.0, 0.0);
        for (place, value) in self.values(features, system) {
            mean += self.means[place] * value;
            x[place] += value;
        }
        for id in system.iter().filter(|id| **id >= self.places.len()) {
            more += self.variance_of(features.get(*id)).unwrap_or(0.0);
        }
        factor.l_dirty().solve_lower_triangular_mut(&mut x);
        (mean, x.norm_squared() + more)
    }

    /// Mean and variance of the effect that a clause of a blamed component has, with what is said and remembered of it; none
    /// of others, and before the first update.
    pub(super) fn effect(&self, features: &Features, clause: FeatureId) -> Option<(f64, f64)> {
        let feature = features.get(clause);
        let place = self.places.get(clause).copied().flatten().filter(|_| self.is_own(feature))?;
        let factor = self.curvature.as_ref()?;
        let mut x = DVector::zeros(factor.l_dirty().nrows());
        *x.get_mut(place)? = 1.0;
        factor.l_dirty().solve_lower_triangular_mut(&mut x);
        let memory = self.memory(features, feature).map_or(0.0, |place| self.means[place]);
        let said = self.means[1] * feature.wanted + self.means[2] * feature.blamed;
        Some((self.means[place] + said + memory * feature.remembered, x.norm_squared()))
    }

    /// Effects of all features, drawn jointly, with the constant first; `None` draws for the posterior mean.
    pub(super) fn draw(&self, features: &Features, rng: Option<&mut Stream>) -> Drawn {
        let mut all = self.means.clone();
        let mut fresh = Vec::new();
        if let Some(rng) = rng {
            if let Some(factor) = &self.curvature {
                let mut x = DVector::from_fn(factor.l_dirty().nrows(), |_, _| normal(rng));
                factor.l_dirty().tr_solve_lower_triangular_mut(&mut x);
                all.iter_mut().zip(x.iter()).for_each(|(a, x)| *a += x);
            }
            for id in self.places.len()..features.len() {
                let variance = self.variance_of(features.get(id)).unwrap_or(0.0);
                fresh.push(variance.sqrt() * normal(rng));
            }
        }
        let effect = |id: FeatureId| {
            let feature = features.get(id);
            let own = match self.places.get(id) {
                Some(place) => place.map_or(0.0, |p| all[p]),
                None => fresh.get(id - self.places.len()).copied().unwrap_or(0.0),
            };
            let heard = feature.kind == Kind::Clause && self.is_own(feature);
            if !heard {
                return own;
            }
            let memory = self.memory(features, feature).map_or(MEMORY.0, |place| all[place]);
            own + all[1] * feature.wanted + all[2] * feature.blamed + memory * feature.remembered
        };
        Drawn { constant: all[0], effects: (0..features.len()).map(effect).collect() }
    }
}

/// Effects in one stage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawn {
    pub(super) constant: f64,
    pub(super) effects: Vec<f64>,
}
