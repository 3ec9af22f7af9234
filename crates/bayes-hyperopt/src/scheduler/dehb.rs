use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::Levels;
use super::hyperband::bracket_size;
use crate::SearchSpace;
use crate::baseline::{Ended, Step, Strategy};

/// The weight of the difference of two parents.
const F: f64 = 0.5;
/// The chance of each coordinate to come from the mutant.
const CR: f64 = 0.5;

/// A point with its loss; none before one was evaluated.
type Member = Option<(Vec<f64>, f64)>;

/// Differential evolution on every level, in the brackets of Hyperband (Awad, Mallik & Hutter 2021).
///
/// Each level keeps a population as large as the bracket that begins there. The first rung of a bracket evolves the
/// population of its level; a higher rung takes its parents from the best of the rung below, and its targets from its own
/// level in turn. Mutation is rand/1/bin with F = CR = 0.5; mutants outside of the unit cube are drawn anew in
/// that coordinate. A target is replaced when the trial is no worse. Within the first bracket points are raised as in
/// successive halving. A rung waits for all of its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dehb {
    levels: Levels,
    /// Populations by level: points that were evaluated, with their losses.
    populations: Vec<Vec<Member>>,
    /// The next target of each level.
    turn: Vec<usize>,
    first: usize,
    level: usize,
    size: usize,
    asked: usize,
    ended: usize,
    /// Points that may be parents in this rung; empty in the first rung of a bracket.
    parents: Vec<Vec<f64>>,
    /// Trials of this rung that ended with a loss: loss, trial and point.
    sound: Vec<(f64, u64, Vec<f64>)>,
}

/// The member of its level's population that a trial competes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Target(usize);

impl Dehb {
    /// Over these levels.
    pub fn new(levels: Levels) -> Self {
        let populations = (0..levels.len()).map(|level| vec![None; bracket_size(&levels, level)]).collect();
        let (turn, size) = (vec![0; levels.len()], bracket_size(&levels, 0));
        let (parents, sound) = (Vec::new(), Vec::new());
        Self { levels, populations, turn, first: 0, level: 0, size, asked: 0, ended: 0, parents, sound }
    }

    fn mutant(&self, target: &[f64], own: usize, space: &SearchSpace, rng: &mut Stream) -> Vec<f64> {
        let population = self.populations[self.level].iter().enumerate();
        let others = population.filter(|(i, _)| *i != own).filter_map(|(_, member)| member.as_ref());
        let mut pool = self.parents.clone();
        if pool.len() < 3 {
            pool.extend(others.map(|(point, _)| point.clone()));
        }
        while pool.len() < 3 {
            pool.push(space.sample_latent(rng));
        }
        rng.shuffle(&mut pool);
        let forced = rng.below(target.len());
        let coordinate = |i: usize| {
            let moved = pool[0][i] + F * (pool[1][i] - pool[2][i]);
            let moved = if (0.0..=1.0).contains(&moved) { moved } else { rng.unit() };
            if i == forced || rng.chance(CR) { moved } else { target[i] }
        };
        (0..target.len()).map(coordinate).collect()
    }

    fn advance(&mut self) {
        let mut sound = std::mem::take(&mut self.sound);
        sound.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        sound.truncate((self.size / self.levels.eta()).max(1));
        (self.asked, self.ended) = (0, 0);
        if sound.is_empty() || self.level + 1 == self.levels.len() {
            self.first = (self.first + 1) % self.levels.len();
            self.level = self.first;
            self.size = bracket_size(&self.levels, self.first);
            self.parents.clear();
        } else {
            self.level += 1;
            self.size = sound.len();
            self.parents = sound.into_iter().map(|(_, _, point)| point).collect();
        }
    }
}

impl Strategy for Dehb {
    const SCHEMA: &'static str = "bayes-hyperopt/dehb";
    type Note = Target;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<Target> {
        if self.asked == self.size {
            return Step::Wait;
        }
        let target = self.turn[self.level];
        self.turn[self.level] = (target + 1) % self.populations[self.level].len();
        let latent = match &self.populations[self.level][target] {
            Some((point, _)) => self.mutant(point, target, space, rng),
            // Nothing to compete with: a point raised from below, or a new one.
            None => self.parents.get(self.asked).cloned().unwrap_or_else(|| space.sample_latent(rng)),
        };
        self.asked += 1;
        Step::Run { latent, fidelity: self.levels.at(self.level), note: Target(target) }
    }

    fn learn(&mut self, _space: &SearchSpace, ended: Ended<Target>) {
        if let Some(loss) = ended.ending.loss()
            && let Some(held) = self.populations[self.level].get_mut(ended.note.0)
        {
            if held.as_ref().is_none_or(|(_, old)| loss <= *old) {
                *held = Some((ended.latent.clone(), loss));
            }
            self.sound.push((loss, ended.id.0, ended.latent));
        }
        self.ended += 1;
        if self.ended == self.size {
            self.advance();
        }
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let (levels, n) = (self.levels.len(), space.len());
        let points = self.populations.iter().flatten().flatten().map(|(point, _)| point);
        let points = points.chain(&self.parents).chain(self.sound.iter().map(|(_, _, point)| point));
        let sized = |(level, held): (usize, &Vec<_>)| held.len() == bracket_size(&self.levels, level);
        self.populations.len() == levels
            && self.populations.iter().enumerate().all(sized)
            && self.turn.iter().zip(&self.populations).all(|(turn, held)| *turn < held.len())
            && self.turn.len() == levels
            && self.first <= self.level
            && self.level < levels
            && self.size > 0
            && self.asked <= self.size
            && self.ended < self.size
            && points.into_iter().all(|point| point.len() == n)
    }
}
