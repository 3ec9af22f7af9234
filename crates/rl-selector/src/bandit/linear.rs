use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Pick, Rule, highest};

/// Contexts are kept within this, so that their squares stay finite.
const LARGEST: f64 = 1e6;

/// LinUCB with one ridge regression an arm (Li, Chu, Langford, Schapire 2010).
///
/// The context may be raw features or those of a pretrained trunk, which makes it neural-linear (Riquelme, Tucker, Snoek
/// 2018). Contexts of another length are cut or padded with 0; numbers that are not finite count as 0. O(arms d^2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinUcb {
    /// Numbers of a context taken into account; a constant is added.
    pub dim: usize,
    /// Weight of the bonus for contexts unlike those seen.
    pub exploration: f64,
    /// Ridge penalty; above 0.
    pub ridge: f64,
    #[serde(default)]
    arms: Vec<Ridge>,
}

/// The inverse of the regularised second moments, row by row, and the sum of contexts times rewards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ridge {
    inverse: Vec<f64>,
    sum: Vec<f64>,
}

impl LinUcb {
    /// Of these settings, with nothing seen. A ridge that is not above 0 counts as 1.
    pub fn new(dim: usize, exploration: f64, ridge: f64) -> Self {
        let ridge = if ridge.is_finite() && ridge > 0.0 { ridge } else { 1.0 };
        Self { dim, exploration, ridge, arms: Vec::new() }
    }

    fn row(&self, context: &[f64]) -> Vec<f64> {
        let entry =
            |i: usize| context.get(i).filter(|v| v.is_finite()).map_or(0.0, |v| v.clamp(-LARGEST, LARGEST));
        (0..self.dim).map(entry).chain([1.0]).collect()
    }
}

impl Ridge {
    fn times(&self, x: &[f64]) -> Vec<f64> {
        self.inverse.chunks(x.len()).map(|row| dot(row, x)).collect()
    }
}

impl Rule for LinUcb {
    const SCHEMA: &'static str = "rl-selector/lin-ucb";

    fn open(&mut self, arms: usize) {
        let n = self.dim + 1;
        let inverse = (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 / self.ridge } else { 0.0 }).collect();
        self.arms.resize(arms, Ridge { inverse, sum: vec![0.0; n] });
    }

    fn fits(&self, arms: usize) -> bool {
        let n = self.dim + 1;
        let sound = |ridge: &Ridge| {
            let whole = ridge.inverse.len() == n * n && ridge.sum.len() == n;
            whole && ridge.inverse.iter().chain(&ridge.sum).all(|v| v.is_finite())
        };
        self.arms.len() == arms && self.arms.iter().all(sound)
    }

    fn pick(&self, open: &[usize], context: &[f64], _: &mut Stream) -> Pick {
        let x = self.row(context);
        let judged: Vec<(f64, f64)> = self
            .arms
            .iter()
            .map(|ridge| {
                let solved = ridge.times(&x);
                let mean = dot(&solved, &ridge.sum);
                (mean, mean + self.exploration * dot(&solved, &x).max(0.0).sqrt())
            })
            .collect();
        let arm = highest(open, |arm| judged[arm].1);
        Pick::sure(arm, judged[arm].0)
    }

    fn learn(&mut self, pick: Pick, context: &[f64], reward: f64) {
        let x = self.row(context);
        let ridge = &mut self.arms[pick.arm];
        let solved = ridge.times(&x);
        let scale = 1.0 + dot(&solved, &x);
        for (row, left) in ridge.inverse.chunks_mut(x.len()).zip(&solved) {
            row.iter_mut().zip(&solved).for_each(|(entry, right)| *entry -= left * right / scale);
        }
        ridge.sum.iter_mut().zip(&x).for_each(|(sum, x)| *sum += reward * x);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regression_is_that_of_the_normal_equations() {
        let mut rule = LinUcb::new(1, 0.0, 0.5);
        rule.open(1);
        let rows: [(f64, f64); 3] = [(0.0, 0.1), (1.0, 0.5), (2.0, 0.8)];
        for (x, y) in rows {
            rule.learn(Pick::sure(0, 0.0), &[x], y);
        }
        // (X'X + I/2) w = X'y with rows (x, 1): [[5.5, 3], [3, 3.5]] w = [2.1, 1.4].
        let w = [(2.1 * 3.5 - 3.0 * 1.4) / 10.25, (5.5 * 1.4 - 3.0 * 2.1) / 10.25];
        let pick = rule.pick(&[0], &[1.5], &mut Stream::root(0));
        assert!((pick.value - (1.5 * w[0] + w[1])).abs() < 1e-12);
    }
}
