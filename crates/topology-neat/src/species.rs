use serde::{Deserialize, Serialize};

use crate::NetworkGenome;
use crate::strategy::Strategy;

/// Networks of one structure, and what has been learnt about its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Species {
    /// Unique within a run, in the order of founding; never used again.
    pub(crate) id: u64,
    /// The species this one was made from.
    pub(crate) parents: Vec<u64>,
    /// The structure, with the weights of the best member so far.
    pub(crate) genome: NetworkGenome,
    pub(crate) strategy: Strategy,
    /// The lowest loss of any member, with the penalty of complexity.
    pub(crate) best: Option<f64>,
    /// Generations lived.
    pub(crate) age: u64,
    /// What `best` was when it last fell far enough to count as progress.
    #[serde(default)]
    pub(crate) mark: Option<f64>,
    /// Generations since then.
    pub(crate) idle: u64,
}

impl Species {
    /// What it is ranked by, lower being better; infinite while no member was sound.
    pub(crate) fn worth(&self) -> f64 {
        self.best.unwrap_or(f64::INFINITY)
    }

    /// Takes in a generation: the draws and losses of its members, sound ones only, how many were made, and the fall of
    /// the best, as a share of its size, that counts as progress.
    ///
    /// Returns whether the best improved.
    pub(crate) fn learn(&mut self, members: &mut Vec<(f64, &[f64])>, made: usize, progress: f64) -> bool {
        // A stable sort: equal losses keep the order of asking.
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.age += 1;
        self.idle += 1;
        let Some(&(loss, z)) = members.first() else { return false };
        let improved = self.best.is_none_or(|best| loss < best);
        if improved {
            self.best = Some(loss);
            if self.mark.is_none_or(|mark| loss < mark - progress * mark.abs()) {
                self.mark = Some(loss);
                self.idle = 0;
            }
            let (strategy, genome) = (&self.strategy, &mut self.genome);
            strategy.express(z, genome);
        }
        let draws: Vec<&[f64]> = members.iter().map(|m| m.1).collect();
        self.strategy.learn(&draws, made);
        improved
    }
}

/// Splits `population` among species, `losses` being the best of each; every one gets at least `floor`, the rest goes
/// by rank: that of rank r in proportion to 1 / (1 + r).
///
/// Needs `floor * losses.len() <= population`; the sum is `population`.
pub(crate) fn quotas(losses: &[Option<f64>], population: usize, floor: usize) -> Vec<usize> {
    let worth = |at: usize| losses[at].unwrap_or(f64::INFINITY);
    let mut ranked: Vec<usize> = (0..losses.len()).collect();
    ranked.sort_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(a.cmp(b)));
    let rest = population.saturating_sub(floor * losses.len());
    let total: f64 = (0..losses.len()).map(|r| 1.0 / (1.0 + r as f64)).sum();
    let mut quotas = vec![floor; losses.len()];
    let mut left = rest;
    for (rank, at) in ranked.iter().enumerate() {
        let share = ((rest as f64 / (1.0 + rank as f64) / total) as usize).min(left);
        quotas[*at] += share;
        left -= share;
    }
    if let Some(first) = ranked.first() {
        quotas[*first] += left;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_sum_up_and_follow_rank() {
        assert_eq!(quotas(&[Some(3.0), None, Some(1.0)], 30, 4), [8, 7, 15]);
        assert_eq!(quotas(&[None], 7, 4), [7]);
        for n in 1..12 {
            let losses: Vec<_> = (0..n).map(|i| Some(f64::from(i))).collect();
            assert_eq!(quotas(&losses, 150, 4).iter().sum::<usize>(), 150);
        }
    }
}
