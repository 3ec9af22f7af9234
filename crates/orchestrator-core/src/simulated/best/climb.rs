use meta_traits::Stream;

use super::BestKnown;
use crate::simulated::genome::{Genome, MODULES, SLOTS, dims};
use crate::simulated::measure::Addends;
use crate::simulated::problem::Problem;
use crate::simulated::tables::{EXAMPLES, TEST};

/// Smaller gains count as none.
const LEAST_GAIN: f64 = 1e-12;

/// A climb, with the probabilities of each module kept: a change costs the modules it touches only.
pub(super) struct Search<'a> {
    pub(super) problem: &'a Problem,
    pub(super) genome: Genome,
    pub(super) quality: f64,
    addends: [Addends; MODULES],
    /// p of each module on the test examples, type by type.
    pub(super) p: [Vec<f64>; MODULES],
}

impl<'a> Search<'a> {
    pub(super) fn new(problem: &'a Problem, genome: Genome) -> Self {
        let addends = [0, 1, 2].map(|m| Addends::new(problem, &genome, m));
        let p = [0, 1, 2].map(|m: usize| {
            let mut p = vec![0.0; EXAMPLES - TEST];
            problem.module_probabilities(&genome, m, &addends[m], &mut p);
            p
        });
        Self { problem, genome, quality: problem.quality(&genome), addends, p }
    }

    pub(super) fn found(&self) -> BestKnown {
        BestKnown { quality: self.quality, genome: self.genome }
    }

    /// Climbs until neither a single change, nor a pair of changes, nor another prompt helps.
    pub(super) fn climb(&mut self, rng: &mut Stream) {
        let components = self.problem.hidden_names().len();
        let mut genes: Vec<(usize, usize)> =
            (0..components).flat_map(|c| (0..dims(c).len()).map(move |k| (c, k))).collect();
        let mut pairs = Vec::new();
        for m in 0..MODULES {
            pairs.extend((0..SLOTS).flat_map(|k| (k + 1..SLOTS).map(move |l| [(m, k), (m, l)])));
        }
        pairs.extend((1..MODULES).map(|m| [(m - 1, 3), (m, 1)]));
        loop {
            rng.shuffle(&mut genes);
            let mut moved = false;
            for gene in &genes {
                moved |= self.improve(&[*gene]);
            }
            if !moved {
                for pair in &pairs {
                    moved |= self.improve(pair);
                }
            }
            if !moved {
                moved = (0..MODULES).any(|m| self.respond(m));
            }
            if !moved {
                return;
            }
        }
    }

    /// Moves to the best setting of `genes`, if it is better than the present one.
    fn improve(&mut self, genes: &[(usize, usize)]) -> bool {
        let mut settings = vec![self.genome];
        for (c, k) in genes {
            let options = 0..dims(*c)[*k];
            settings = settings.iter().flat_map(|g| options.clone().map(|v| g.with(*c, *k, v))).collect();
        }
        self.move_to_best(settings)
    }

    /// Moves to the best of `genomes`, if it is better than the present one.
    pub(super) fn move_to_best(&mut self, genomes: Vec<Genome>) -> bool {
        let mut best = (self.quality + LEAST_GAIN, None);
        for g in genomes.into_iter().filter(|g| *g != self.genome) {
            let quality = self.quality_of(&g);
            if quality > best.0 {
                best = (quality, Some(g));
            }
        }
        let Some(genome) = best.1 else { return false };
        *self = Self::new(self.problem, genome);
        true
    }

    pub(super) fn quality_of(&self, g: &Genome) -> f64 {
        let mut passed = vec![1.0; EXAMPLES - TEST];
        let mut fresh = vec![0.0; EXAMPLES - TEST];
        let same_vote = self.problem.votes(g) == self.problem.votes(&self.genome);
        for m in 0..MODULES {
            let addends = Addends::new(self.problem, g, m);
            let p = if addends == self.addends[m] && (m != 1 || same_vote) {
                &self.p[m]
            } else {
                self.problem.module_probabilities(g, m, &addends, &mut fresh);
                &fresh
            };
            passed.iter_mut().zip(p).for_each(|(all, one)| *all *= one);
        }
        self.problem.mean_score(g, &mut passed)
    }
}
