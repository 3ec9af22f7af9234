use meta_traits::Stream;

use super::{GenerationReport, Member, Neat, SpeciesReport};
use crate::NetworkGenome;
use crate::crossover::{Fitter, crossover};
use crate::distance::distance;
use crate::species::{Species, quotas};
use crate::strategy::Strategy;

/// Fewest members of a species in a generation: with fewer its strategy learns nothing.
const FEWEST: usize = 4;
/// Structures made for a free place before it is left free for a generation.
const TRIES: u64 = 4;
/// Steps below this have converged.
const CONVERGED: f64 = 1e-8;

impl Neat {
    /// Learns from a generation that is told in full and makes the next.
    pub(super) fn commit(&mut self) {
        let before = self.state.species.iter().filter_map(|s| s.best).fold(f64::INFINITY, f64::min);
        let batch = std::mem::take(&mut self.state.batch);
        let mut members: Vec<Vec<(f64, &[f64])>> = vec![Vec::new(); self.state.species.len()];
        let mut made = vec![0; self.state.species.len()];
        for member in &batch {
            made[member.species] += 1;
            if let Some(loss) = member.loss {
                members[member.species].push((self.penalised(loss, member.species), &member.draw));
            }
        }
        // A generation without a sound loss says nothing about structures: the species stay, with fresh draws.
        let told_something = members.iter().any(|m| !m.is_empty());
        if told_something {
            for (species, (members, made)) in self.state.species.iter_mut().zip(members.iter_mut().zip(&made))
            {
                species.learn(members, *made, self.options.progress);
            }
            let after = self.state.species.iter().filter_map(|s| s.best).fold(f64::INFINITY, f64::min);
            let edges: usize = self.state.species.iter().map(|s| s.strategy.len()).sum();
            let complexity = edges as f64 / self.state.species.len().max(1) as f64;
            self.state.phase.observe(complexity, after < before, 20.0, 2 * self.options.stagnation);
        }
        self.state.first_trial += batch.len() as u64;
        self.report = Some(self.told_of(&made));
        self.state.generation += 1;
        (self.state.asked, self.state.told) = (0, 0);
        if self.options.generations.is_none_or(|limit| self.state.generation < limit) {
            if told_something {
                self.renew();
            }
            self.fill();
        }
    }

    fn told_of(&self, made: &[usize]) -> GenerationReport {
        let one = |(species, members): (&Species, &usize)| SpeciesReport {
            id: species.id,
            parents: species.parents.clone(),
            members: *members,
            best: species.best,
            hidden: species.genome.inner(),
            edges: species.strategy.len(),
            step: species.strategy.step(),
        };
        GenerationReport {
            generation: self.state.generation,
            evaluations: self.state.first_trial,
            best: self.state.champion.as_ref().map(|c| c.seen.losses[0]),
            threshold: self.state.threshold,
            pruning: self.state.phase.pruning(),
            species: self.state.species.iter().zip(made).map(one).collect(),
        }
    }

    /// Species that are stuck or in the way of new ones go; new ones are founded.
    fn renew(&mut self) {
        let grace = self.options.grace;
        let ghosts = self.state.species.clone();
        self.retire();
        if self.state.species.len() >= self.options.target_species && self.options.target_species > 1 {
            let worst = self.state.species.iter().enumerate().filter(|(_, s)| s.age >= grace);
            // Of equals the younger goes; the best stays.
            let worst = worst.max_by(|a, b| a.1.worth().total_cmp(&b.1.worth()).then(a.1.id.cmp(&b.1.id)));
            let best = self.state.species.iter().map(Species::worth).fold(f64::INFINITY, f64::min);
            if let Some((at, species)) = worst
                && species.worth() > best
            {
                self.state.species.remove(at);
            }
        }
        let mut refused = false;
        let mut turn = 0;
        while self.state.species.len() < self.options.target_species && turn < TRIES * 16 {
            let stream = self.root.child("founder", self.state.generation).child("turn", turn);
            refused |= !self.try_found(&ghosts, stream, self.state.species.is_empty());
            turn += 1;
            if turn >= TRIES && !self.state.species.is_empty() && refused {
                break;
            }
        }
        // Integral control: the threshold falls while places stay free and rises while they are all taken.
        let full = self.state.species.len() >= self.options.target_species;
        self.state.threshold = (self.state.threshold * if full { 1.05 } else { 0.9 }).clamp(0.3, 100.0);
        if self.state.species.is_empty() {
            self.restart(&mut self.root.child("anew", self.state.generation));
        }
    }

    /// Species that are stuck die out; of the best, so many as elitism keeps, those that are stuck begin anew around their
    /// best weights.
    fn retire(&mut self) {
        let (stagnation, step) = (self.options.stagnation, self.options.step);
        let mut ranked: Vec<(f64, u64)> = self.state.species.iter().map(|s| (s.worth(), s.id)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        ranked.truncate((self.options.elitism * self.options.target_species as f64).ceil() as usize);
        let stuck = |s: &Species| s.idle >= stagnation || s.strategy.step() <= CONVERGED;
        self.state.species.retain(|s| !stuck(s) || ranked.iter().any(|(_, id)| *id == s.id));
        for species in self.state.species.iter_mut().filter(|s| stuck(s)) {
            species.strategy = Strategy::new(&species.genome, step);
            species.idle = 0;
        }
    }

    /// Founds a species from parents among `ghosts`, those of the last generation. Returns whether it was new enough.
    fn try_found(&mut self, ghosts: &[Species], mut rng: Stream, alone: bool) -> bool {
        if ghosts.is_empty() || rng.chance(self.options.restart_rate) {
            self.restart(&mut rng);
            return true;
        }
        let mut ranked: Vec<&Species> = ghosts.iter().collect();
        ranked.sort_by(|a, b| a.worth().total_cmp(&b.worth()).then(a.id.cmp(&b.id)));
        let weights: Vec<f64> = (0..ranked.len()).map(|r| 1.0 / (1.0 + r as f64)).collect();
        let (Some(a), Some(b)) = (rng.weighted(&weights), rng.weighted(&weights)) else { return false };
        let mut parents = vec![ranked[a].id];
        let mut genome = ranked[a].genome.clone();
        if a != b && rng.chance(self.options.crossover_rate) {
            let (first, second) = (ranked[a.min(b)], ranked[a.max(b)]);
            parents = vec![first.id, second.id];
            let fitter = if first.worth() < second.worth() { Fitter::First } else { Fitter::Neither };
            genome = crossover(&first.genome, &second.genome, fitter, &mut rng);
        }
        let main = ranked[if parents.len() == 2 { a.min(b) } else { a }];
        let edited = parents.len() == 1 || rng.chance(self.options.mutation_rate);
        if edited {
            self.edit(&mut genome, &mut rng);
        }
        let near =
            |s: &Species| distance(&s.genome, &genome, &self.options.compatibility) < self.state.threshold;
        let new = genome.enabled() > 0 && self.options.space.contains(&genome);
        if !new || !alone && self.state.species.iter().any(near) {
            return false;
        }
        let strategy = if rng.chance(self.options.fresh_rate) {
            self.refresh(&mut genome, &mut rng);
            Strategy::new(&genome, self.options.step)
        } else {
            let step = main.strategy.step().clamp(0.5 * self.options.step, 2.0 * self.options.step);
            main.strategy.carried_to(&genome, step)
        };
        self.found(genome, strategy, parents);
        true
    }

    /// Changes a genome at least once.
    fn edit(&self, genome: &mut NetworkGenome, rng: &mut Stream) {
        loop {
            if let Some(edit) = self.state.phase.edit(&self.options.edits, rng) {
                edit.apply(genome, &self.options.space, rng);
            }
            if !rng.chance(self.options.more_edits) {
                break;
            }
        }
    }

    /// Founds a species of the smallest structure around random weights.
    fn restart(&mut self, rng: &mut Stream) {
        let Ok(mut genome) = self.options.space.minimal() else { return };
        self.options.furnish(&mut genome);
        self.refresh(&mut genome, rng);
        let strategy = Strategy::new(&genome, self.options.step);
        self.found(genome, strategy, Vec::new());
    }

    /// Draws every weight anew.
    fn refresh(&self, genome: &mut NetworkGenome, rng: &mut Stream) {
        genome.payloads_mut().for_each(|w| *w = self.options.step * crate::mutate::normal(rng));
    }

    pub(super) fn found(&mut self, genome: NetworkGenome, strategy: Strategy, parents: Vec<u64>) {
        let id = self.state.founded;
        self.state.founded += 1;
        let (best, mark) = (None, None);
        self.state.species.push(Species { id, parents, genome, strategy, best, mark, age: 0, idle: 0 });
    }

    /// The members of the next generation, species by species in turn.
    pub(super) fn fill(&mut self) {
        let losses: Vec<Option<f64>> = self.state.species.iter().map(|s| s.best).collect();
        let floor = FEWEST.min(self.options.population / losses.len().max(1));
        let quotas = quotas(&losses, self.options.population, floor);
        let stream = self.root.child("generation", self.state.generation);
        self.state.batch = Vec::with_capacity(self.options.population);
        for ((at, species), members) in self.state.species.iter().enumerate().zip(quotas) {
            let mut rng = stream.child("species", species.id);
            let member =
                |_| Member { species: at, draw: species.strategy.draw(&mut rng), told: false, loss: None };
            self.state.batch.extend((0..members).map(member));
        }
    }
}
