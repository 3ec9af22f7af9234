use meta_traits::Stream;

use super::hypotheses::Hypothesis;
use super::options::Correction;
use super::rank::ranks;
use super::regression::Basis;
use crate::model::dot;

/// The hypotheses beside what a model explains already, with their statistics.
pub(super) struct Stage {
    /// Which hypotheses, and their unit vectors.
    columns: Vec<(usize, Vec<f64>)>,
    /// Ranks of what is not explained.
    ranks: Vec<f64>,
    /// Prompts of each family.
    families: Vec<Vec<usize>>,
    /// Absolute statistics of the columns.
    statistics: Vec<f64>,
}

impl Stage {
    /// The hypotheses that `basis` does not explain. O(hypotheses x columns x prompts).
    pub(super) fn new(hypotheses: &[Hypothesis], basis: &Basis, values: &[f64], families: &[u32]) -> Self {
        let directions = hypotheses.iter().enumerate();
        let columns: Vec<(usize, Vec<f64>)> =
            directions.filter_map(|(i, h)| Some((i, basis.direction(&h.column)?))).collect();
        let ranks = ranks(&basis.rest(values));
        let statistics = columns.iter().map(|(_, c)| dot(c, &ranks).abs()).collect();
        let mut names = families.to_vec();
        names.sort_unstable();
        names.dedup();
        let members = |name: &u32| (0..families.len()).filter(|i| families[*i] == *name).collect();
        Self { columns, ranks, families: names.iter().map(members).collect(), statistics }
    }

    /// The hypotheses with their corrected p-values, the greatest statistic first.
    pub(super) fn corrected(
        &self,
        by: Correction,
        permutations: u64,
        level: f64,
        stream: &Stream,
    ) -> Vec<(usize, f64)> {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        order.sort_by(|a, b| self.statistics[*b].total_cmp(&self.statistics[*a]));
        let Some(&top) = order.first() else { return Vec::new() };
        let sorted: Vec<f64> = order.iter().map(|i| self.statistics[*i]).collect();
        let mut greatest = Vec::new();
        let mut reached = vec![0_u64; sorted.len() + 1];
        let enough = (level * (permutations + 1) as f64) as usize;
        let mut above = 0;
        for k in 0..permutations {
            let permuted = self.permuted(&mut stream.child("permutation", k));
            let mut max: f64 = 0.0;
            for (_, column) in &self.columns {
                let statistic = dot(column, &permuted).abs();
                max = max.max(statistic);
                if by != Correction::WestfallYoung {
                    reached[sorted.partition_point(|s| *s > statistic)] += 1;
                }
            }
            greatest.push(max);
            above += usize::from(max >= self.statistics[top]);
            // More than this and not even the greatest statistic can be significant.
            if by == Correction::WestfallYoung && above > enough {
                return vec![(self.columns[top].0, 1.0)];
            }
        }
        let p = if by == Correction::WestfallYoung {
            greatest.sort_by(f64::total_cmp);
            let over = |s: &f64| greatest.len() - greatest.partition_point(|g| g < s);
            sorted.iter().map(|s| (over(s) + 1) as f64 / (permutations + 1) as f64).collect()
        } else {
            by.adjust(&pooled(&reached, permutations, self.columns.len()))
        };
        order.into_iter().map(|i| self.columns[i].0).zip(p).collect()
    }

    /// The ranks dealt out anew within each family.
    fn permuted(&self, rng: &mut Stream) -> Vec<f64> {
        let mut out = self.ranks.clone();
        for family in &self.families {
            let mut from = family.clone();
            rng.shuffle(&mut from);
            family.iter().zip(from).for_each(|(to, from)| out[*to] = self.ranks[from]);
        }
        out
    }
}

/// p-values of statistics in falling order from the statistics of all hypotheses under all permutations; `reached[i]`
/// of these lie between the statistics `i` and `i - 1`.
fn pooled(reached: &[u64], permutations: u64, hypotheses: usize) -> Vec<f64> {
    let whole = (permutations * hypotheses as u64 + 1) as f64;
    let mut sum = 0;
    let one = |n: &u64| {
        sum += n;
        (sum + 1) as f64 / whole
    };
    reached[..hypotheses].iter().map(one).collect()
}

impl Correction {
    /// Corrected p-values of p-values in rising order.
    fn adjust(self, p: &[f64]) -> Vec<f64> {
        let n = p.len();
        if self == Self::Tarone {
            return p.iter().map(|p| (p * n as f64).min(1.0)).collect();
        }
        let harmonic: f64 = (1..=n).map(|i| 1.0 / i as f64).sum();
        let factor = if self == Self::BenjaminiYekutieli { harmonic } else { 1.0 };
        let mut least: f64 = 1.0;
        let mut out: Vec<f64> = Vec::with_capacity(n);
        for (i, p) in p.iter().enumerate().rev() {
            least = least.min(p * factor * n as f64 / (i + 1) as f64);
            out.push(least);
        }
        out.reverse();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by hand; `statsmodels.stats.multitest.multipletests` gives the same.
    #[test]
    fn corrections_are_the_textbook_ones() {
        let p = [0.001, 0.01, 0.02, 0.5];
        let near =
            |a: &[f64], b: &[f64]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?}");
        near(&Correction::BenjaminiHochberg.adjust(&p), &[0.004, 0.02, 0.08 / 3.0, 0.5]);
        let harmonic = 25.0 / 12.0;
        near(
            &Correction::BenjaminiYekutieli.adjust(&p),
            &[0.004 * harmonic, 0.02 * harmonic, 0.08 / 3.0 * harmonic, 1.0],
        );
        near(&Correction::Tarone.adjust(&p), &[0.004, 0.04, 0.08, 1.0]);
    }

    #[test]
    fn pooled_p_values_count_what_is_as_great() {
        // Two hypotheses, three permutations: one statistic above both, two between, three below.
        assert_eq!(pooled(&[1, 2, 3], 3, 2), [2.0 / 7.0, 4.0 / 7.0]);
    }
}
