//! The best prompt of one module while the rest stays: all 5^6 are ranked by interpolation, the top ones measured.
use super::climb::Search;
use super::prompts;
use crate::simulated::genome::{Genome, MODULES, OPTIONS};
use crate::simulated::hash::sig;
use crate::simulated::measure::Addends;
use crate::simulated::problem::Problem;
use crate::simulated::tables::TYPES;

/// Points of a table of Q as a function of what a prompt adds.
const POINTS: usize = 256;
/// Prompts measured exactly.
const MEASURED: usize = 64;
/// The slot that the next module's value depends on.
const INTERFACE: usize = 3;

impl Search<'_> {
    /// Moves to a better prompt of module `m`, if there is one.
    ///
    /// Given the other modules, Q depends on a prompt through one sum a type, and through the option in the interface
    /// slot; so a table for each type and such option ranks every prompt.
    pub(super) fn respond(&mut self, m: usize) -> bool {
        let sums: Vec<(Genome, [f64; TYPES])> =
            prompts(self.genome, m).map(|g| (g, self.problem.sums(&g, m))).collect();
        let (least, most) = sums
            .iter()
            .flat_map(|(_, s)| s)
            .fold((0.0, 0.0), |(least, most), s| (f64::min(least, *s), f64::max(most, *s)));
        let step = ((most - least) / (POINTS - 1) as f64).max(f64::MIN_POSITIVE);
        let tables = self.tables(m, least, step);
        let estimate = |(g, sums): &(Genome, [f64; TYPES])| -> f64 {
            let of_type = tables[g.get(m, INTERFACE)].iter().zip(sums);
            of_type.map(|(table, sum)| interpolate(table, (sum - least) / step)).sum()
        };
        let mut ranked: Vec<(f64, Genome)> = sums.iter().map(|row| (estimate(row), row.0)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.move_to_best(ranked.into_iter().take(MEASURED).map(|(_, g)| g).collect())
    }

    /// For each option of the interface slot and each type: the summed probability of success of the type's test
    /// examples where a prompt adds `least`, `least + step`, ...
    fn tables(&self, m: usize, least: f64, step: f64) -> Vec<[Vec<f64>; TYPES]> {
        (0..OPTIONS).map(|v| self.table(m, &self.genome.with(m, INTERFACE, v as u8), least, step)).collect()
    }

    fn table(&self, m: usize, g: &Genome, least: f64, step: f64) -> [Vec<f64>; TYPES] {
        let problem = self.problem;
        let mut others = vec![1.0; self.p[0].len()];
        for other in (0..MODULES).filter(|other| *other != m) {
            let mut p = vec![0.0; others.len()];
            problem.module_probabilities(g, other, &Addends::new(problem, g, other), &mut p);
            others.iter_mut().zip(&p).for_each(|(all, one)| *all *= one);
        }
        let grouped = &problem.tables.grouped;
        let mut start = 0;
        [0, 1, 2, 3].map(|t: usize| {
            let end = grouped.ends[t];
            // Verification turns p into p + (1 - p) pv / 2: the same order of prompts, weaker by this factor.
            let weight = if problem.verifies(g) { 1.0 - 0.5 * problem.tables.pv[t] } else { 1.0 };
            let at = |sum: f64| {
                let examples = grouped.level[m][start..end].iter().zip(&others[start..end]);
                examples.map(|(level, other)| problem.voted(g, m, sig(level + sum)) * other).sum::<f64>()
                    * weight
            };
            let table = (0..POINTS).map(|i| at(least + step * i as f64)).collect();
            start = end;
            table
        })
    }
}

impl Problem {
    /// What the prompt of module `m` adds to its z, by type.
    fn sums(&self, g: &Genome, m: usize) -> [f64; TYPES] {
        [0, 1, 2, 3].map(|t| {
            let mut sum = 0.0;
            self.addends(g, m, t, |a| sum += a);
            sum
        })
    }
}

fn interpolate(table: &[f64], at: f64) -> f64 {
    let i = (at as usize).min(table.len() - 2);
    let part = at - i as f64;
    table[i] * (1.0 - part) + table[i + 1] * part
}
