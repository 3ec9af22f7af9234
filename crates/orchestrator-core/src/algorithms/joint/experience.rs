//! What a run learns, and what it takes over from earlier ones.

use std::collections::BTreeMap;

use super::Joint;
use crate::experience::{Experience, Learned};

/// Lines that are taken over for a component, at most: those remembered best.
const LINES: usize = 64;

impl Joint {
    /// What this run learned.
    pub fn experience(&self) -> Experience {
        let learned = |component: usize| -> Vec<Learned> {
            let lines = self.versions.wording(component).all_lines();
            let one = |(line, clause): (&str, usize)| {
                let (effect, variance) = self.posterior.effect(clause)?;
                Some(Learned { line: line.to_owned(), effect, variance })
            };
            lines.filter_map(one).filter(|l| l.effect.is_finite() && l.variance > 0.0).collect()
        };
        let components = self.names.iter().enumerate().map(|(c, name)| (name.clone(), learned(c)));
        Experience {
            results: self.results,
            components: components.filter(|(_, lines)| !lines.is_empty()).collect(),
        }
    }

    /// The same with what earlier runs learned, before anything is asked: their lines can be proposed from the start, and
    /// what they did then counts by a weight that this run learns.
    ///
    /// A component's experience is taken where it knows at least half of the seed's lines: of other tasks nothing is taken.
    #[must_use]
    pub fn with_experience(mut self, earlier: &[Experience]) -> Self {
        for component in 0..self.names.len() {
            for (line, effect) in self.remembered(component, earlier) {
                let (topic, number) = self.versions.know(&mut self.posterior, component, &line);
                let clause = self.versions.wording(component).clause(topic, number);
                self.posterior.recall(clause, effect);
            }
        }
        self
    }

    /// The lines of earlier runs with their effects, weighted by their certainty; the best remembered, in order of text.
    fn remembered(&self, component: usize, earlier: &[Experience]) -> BTreeMap<String, f64> {
        let known: Vec<&str> = self.versions.wording(component).all_lines().map(|(line, _)| line).collect();
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for run in earlier {
            let Some(lines) = run.components.get(&self.names[component]) else { continue };
            let met = known.iter().filter(|line| lines.iter().any(|l| l.line == **line)).count();
            if 2 * met < known.len() {
                continue;
            }
            for Learned { line, effect, variance } in lines {
                let sound = effect.is_finite() && variance.is_finite() && *variance > 0.0;
                let weight = if sound { 1.0 / variance } else { continue };
                let sum = sums.entry(line).or_default();
                *sum = (sum.0 + weight * effect, sum.1 + weight);
            }
        }
        let mut all: Vec<(&str, f64)> = sums.into_iter().map(|(line, (sum, w))| (line, sum / w)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let (mut kept, mut room) = (BTreeMap::new(), LINES);
        for (line, effect) in all {
            let own = known.contains(&line);
            if own || room > 0 {
                room -= usize::from(!own);
                kept.insert(line.to_owned(), effect);
            }
        }
        kept
    }
}
