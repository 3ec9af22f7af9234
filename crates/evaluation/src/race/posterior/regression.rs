use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Part, PartId, Prior, Tally};
use crate::race::cholesky::{Cholesky, packed};

/// One stage: effects of parts and difficulties of examples on the logit of passing it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::race) struct Regression {
    /// Slots that are blamed here; none means any.
    blamed: Vec<usize>,
    pub(super) effects: Vec<f64>,
    pub(super) difficulties: Vec<f64>,
    /// Learned: variance of steps where blamed, elsewhere, of difficulties; mean step where blamed.
    own: f64,
    other: f64,
    difficulty: f64,
    first: f64,
    step: f64,
    /// Curvature of the difficulties, and the factor of that of the effects; follow from the rest and the rows.
    #[serde(skip)]
    pub(super) certainty: Vec<f64>,
    #[serde(skip)]
    pub(super) factor: Cholesky,
}

/// The normal equations of a stage.
struct System {
    matrix: Vec<f64>,
    gradient: Vec<f64>,
    /// A row an example: parts met there and their weights.
    cross: Vec<Vec<(PartId, f64)>>,
    example_gradient: Vec<f64>,
    example_weight: Vec<f64>,
}

/// Longest step of an effect: a Newton step from far away overshoots.
const LONGEST: f64 = 1.5;

pub(super) fn sigma(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

impl Regression {
    pub(super) fn new(blamed: &[usize], examples: usize, prior: &Prior, parts: &[Part]) -> Self {
        let square = |sd: f64| sd * sd;
        let mut stage = Self {
            blamed: blamed.to_vec(),
            effects: Vec::new(),
            difficulties: vec![0.0; examples],
            own: square(prior.own),
            other: square(prior.other),
            difficulty: square(prior.difficulty),
            first: square(prior.first),
            step: 0.0,
            certainty: Vec::new(),
            factor: Cholesky::default(),
        };
        stage.grow(parts);
        stage
    }

    fn is_own(&self, slot: usize) -> bool {
        self.blamed.is_empty() || self.blamed.contains(&slot)
    }

    /// The prior mean and variance of a part's effect, given those before it.
    fn expected(&self, part: Part) -> (f64, f64) {
        match part.parent {
            None => (0.0, self.first),
            Some(parent) if self.is_own(part.slot) => (self.effects[parent] + self.step, self.own),
            Some(parent) => (self.effects[parent], self.other),
        }
    }

    /// Gives parts that are new their prior mean.
    pub(super) fn grow(&mut self, parts: &[Part]) {
        for part in &parts[self.effects.len()..] {
            let (mean, _) = self.expected(*part);
            self.effects.push(mean);
        }
    }

    fn system(&self, combinations: &[Vec<PartId>], parts: &[Part], tallies: &[Tally]) -> System {
        let n = parts.len();
        let examples = self.difficulties.len();
        let mut matrix = vec![0.0; n * (n + 1) / 2];
        let mut gradient = vec![0.0; n];
        let mut cross: Vec<Vec<(PartId, f64)>> = vec![Vec::new(); examples];
        let mut example_gradient = vec![0.0; examples];
        let mut example_weight = vec![0.0; examples];
        for tally in tallies {
            let parts = &combinations[tally.combination];
            let z: f64 =
                parts.iter().map(|&p| self.effects[p]).sum::<f64>() + self.difficulties[tally.example];
            let p = sigma(z);
            let g = tally.successes - tally.trials * p;
            let w = tally.trials * p * (1.0 - p);
            for (i, &a) in parts.iter().enumerate() {
                gradient[a] += g;
                for &b in &parts[..=i] {
                    matrix[packed(a.max(b), a.min(b))] += w;
                }
            }
            let here = &mut cross[tally.example];
            for &a in parts {
                match here.iter_mut().find(|(p, _)| *p == a) {
                    Some((_, weight)) => *weight += w,
                    None => here.push((a, w)),
                }
            }
            example_gradient[tally.example] += g;
            example_weight[tally.example] += w;
        }
        for (i, part) in parts.iter().enumerate() {
            let (mean, variance) = self.expected(*part);
            let (pull, precision) = ((self.effects[i] - mean) / variance, 1.0 / variance);
            gradient[i] -= pull;
            matrix[packed(i, i)] += precision;
            if let Some(parent) = part.parent {
                gradient[parent] += pull;
                matrix[packed(parent, parent)] += precision;
                matrix[packed(i.max(parent), i.min(parent))] -= precision;
            }
        }
        let precision = 1.0 / self.difficulty;
        for (j, here) in cross.iter().enumerate() {
            example_gradient[j] -= self.difficulties[j] * precision;
            example_weight[j] += precision;
            let inverse = 1.0 / example_weight[j];
            for (i, &(a, u)) in here.iter().enumerate() {
                gradient[a] -= u * inverse * example_gradient[j];
                for &(b, v) in &here[..=i] {
                    matrix[packed(a.max(b), a.min(b))] -= u * v * inverse;
                }
            }
        }
        System { matrix, gradient, cross, example_gradient, example_weight }
    }

    /// One Newton step on effects and difficulties together.
    pub(super) fn step(&mut self, combinations: &[Vec<PartId>], parts: &[Part], tallies: &[Tally]) {
        let system = self.system(combinations, parts, tallies);
        let mut change = system.gradient;
        let factor = Cholesky::new(parts.len(), system.matrix);
        factor.forward(&mut change);
        factor.backward(&mut change);
        let longest = change.iter().fold(0.0_f64, |m, c| m.max(c.abs()));
        let scale = if longest > LONGEST { LONGEST / longest } else { 1.0 };
        for (j, here) in system.cross.iter().enumerate() {
            let moved: f64 = here.iter().map(|&(a, u)| u * change[a]).sum();
            self.difficulties[j] += scale * (system.example_gradient[j] - moved) / system.example_weight[j];
        }
        for (effect, change) in self.effects.iter_mut().zip(&change) {
            *effect += scale * change;
        }
    }

    /// The curvature where the step arrived.
    pub(super) fn factor(&mut self, combinations: &[Vec<PartId>], parts: &[Part], tallies: &[Tally]) {
        let system = self.system(combinations, parts, tallies);
        self.factor = Cholesky::new(parts.len(), system.matrix);
        self.certainty = system.example_weight;
    }

    /// Learns variances and the mean step: one damped EM step, with the variances of the last factor.
    pub(super) fn learn(&mut self, prior: &Prior, parts: &[Part]) {
        if self.certainty.is_empty() {
            return;
        }
        let (mut own, mut other, mut steps) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
        for (i, part) in parts.iter().enumerate() {
            let Some(parent) = part.parent else { continue };
            let (mean, _) = self.expected(*part);
            let known = i < self.factor.len();
            let spread = if known { self.factor.spread([(i, 1.0), (parent, -1.0)]) } else { continue };
            let deviation = self.effects[i] - mean;
            let (sum, count) = if self.is_own(part.slot) { &mut own } else { &mut other };
            *sum += deviation * deviation + spread;
            *count += 1.0;
            if self.is_own(part.slot) {
                // Parts that are hardly known say little of the mean step.
                let trust = 1.0 - (spread / self.own).min(1.0);
                steps.0 += trust * (self.effects[i] - self.effects[parent]);
                steps.1 += trust;
            }
        }
        let square = |sd: f64| sd * sd;
        let blend = |old: f64, (sum, count): (f64, f64), sd: f64, weight: f64| {
            0.5 * old + 0.5 * (weight * square(sd) + sum) / (weight + count)
        };
        self.own = blend(self.own, own, prior.own, prior.weight);
        self.other = blend(self.other, other, prior.other, prior.weight);
        let difficulties = self
            .difficulties
            .iter()
            .zip(&self.certainty)
            .fold((0.0, 0.0), |(s, n), (b, c)| (s + b * b + 1.0 / c, n + 1.0));
        self.difficulty = blend(self.difficulty, difficulties, prior.difficulty, 2.0 * prior.weight);
        self.step = 0.5 * self.step + 0.5 * steps.0 / (prior.weight + steps.1);
    }

    /// The posterior variance of a weighted sum of effects; parts newer than the last update stray from what they
    /// were made from.
    pub(super) fn variance(&self, of: impl Iterator<Item = (PartId, f64)>, parts: &[Part]) -> f64 {
        let (mut known, mut more) = (Vec::new(), 0.0);
        for (part, weight) in of {
            let mut at = Some(part);
            while let Some(p) = at.filter(|p| *p >= self.factor.len()) {
                more += weight * weight * self.expected(parts[p]).1;
                at = parts[p].parent;
            }
            known.extend(at.map(|p| (p, weight)));
        }
        self.factor.spread(known) + more
    }

    /// Draws all effects jointly.
    pub(super) fn draw(&self, parts: &[Part], rng: &mut Stream) -> Vec<f64> {
        let known = self.factor.len();
        let mut drawn: Vec<f64> = (0..known).map(|_| normal(rng)).collect();
        self.factor.backward(&mut drawn);
        for (x, mean) in drawn.iter_mut().zip(&self.effects) {
            *x += mean;
        }
        for (i, part) in parts.iter().enumerate().skip(known) {
            let (_, variance) = self.expected(*part);
            let parent = part.parent.map_or(0.0, |p| drawn[p] - self.effects[p]);
            drawn.push(self.effects[i] + parent + variance.sqrt() * normal(rng));
        }
        drawn
    }

    /// Whether the state is of so many parts and examples, and finite.
    pub(super) fn fits(&self, parts: usize, examples: usize) -> bool {
        let finite = |x: &[f64]| x.iter().all(|v| v.is_finite());
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        self.effects.len() == parts
            && self.difficulties.len() == examples
            && finite(&self.effects)
            && finite(&self.difficulties)
            && [self.own, self.other, self.difficulty, self.first].iter().all(positive)
    }

    /// The sum of the effects of a combination.
    pub(super) fn sum(&self, parts: &[PartId]) -> f64 {
        parts.iter().map(|&p| self.effects[p]).sum()
    }
}
