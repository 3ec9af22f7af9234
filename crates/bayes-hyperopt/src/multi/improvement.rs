use super::boxes::Boxes;
use crate::gp::Marginal;
use crate::numerics::{LogH, log_h};

/// ln of the hypervolume improvement expected of a point whose objectives are independent normals, exact for any number of
/// objectives.
///
/// A box of the region that is not dominated gains the product over objectives of E[(u - max(l, y))+] = g(u) - g(l), where
/// g(t) = E[(t - y)+] = sd h((t - mean)/sd); the improvement is the sum over boxes (Yang et al. 2019, with any disjoint
/// decomposition). All sums are of logarithms (Ament et al. 2023), so that there are slopes where the improvement itself
/// underflows.
#[derive(Clone, Debug)]
pub(super) struct Improvement {
    boxes: Boxes,
    /// ln g at each level, with its slopes by mean and sd over g.
    at: Vec<Vec<Level>>,
    logs: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    log: f64,
    by_mean: f64,
    by_sd: f64,
}

/// Nothing lies below minus infinity.
const NOTHING: Level = Level { log: f64::NEG_INFINITY, by_mean: 0.0, by_sd: 0.0 };

/// g(u) - g(l) in logarithms, with its slopes.
fn between(low: Level, high: Level) -> Level {
    if low.log == f64::NEG_INFINITY {
        return high;
    }
    let ratio = libm::exp(low.log - high.log).min(1.0 - f64::EPSILON);
    Level {
        log: high.log + libm::log1p(-ratio),
        by_mean: (high.by_mean - ratio * low.by_mean) / (1.0 - ratio),
        by_sd: (high.by_sd - ratio * low.by_sd) / (1.0 - ratio),
    }
}

impl Improvement {
    /// The improvement on `front` below `reference`.
    pub(super) fn new(front: &[Vec<f64>], reference: &[f64]) -> Self {
        Self { boxes: Boxes::new(front, reference), at: Vec::new(), logs: Vec::new() }
    }

    /// ln of the improvement; its derivatives by each mean and variance are written to `slopes`.
    pub(super) fn score(&mut self, marginals: &[Marginal], slopes: &mut [(f64, f64)]) -> f64 {
        self.at.clear();
        for (marginal, levels) in marginals.iter().zip(&self.boxes.levels) {
            let sd = marginal.variance.sqrt();
            let level = |t: &f64| {
                if *t == f64::NEG_INFINITY {
                    return NOTHING;
                }
                let LogH { value, slope, density } = log_h((t - marginal.mean) / sd);
                Level { log: value + libm::log(sd), by_mean: -slope / sd, by_sd: density / sd }
            };
            self.at.push(levels.iter().map(level).collect());
        }
        let side = |at: &[Vec<Level>], j: usize, (low, high): (u32, u32)| {
            between(at[j][low as usize], at[j][high as usize])
        };
        self.logs.clear();
        for cell in self.boxes.iter() {
            self.logs.push(cell.iter().enumerate().map(|(j, ends)| side(&self.at, j, *ends).log).sum());
        }
        let most = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            slopes.fill((0.0, 0.0));
            return most;
        }
        let total: f64 = self.logs.iter().map(|l| libm::exp(l - most)).sum();
        slopes.fill((0.0, 0.0));
        for (cell, log) in self.boxes.iter().zip(&self.logs) {
            let weight = libm::exp(log - most) / total;
            if weight > 0.0 {
                for (j, ends) in cell.iter().enumerate() {
                    let side = side(&self.at, j, *ends);
                    slopes[j].0 += weight * side.by_mean;
                    slopes[j].1 += weight * side.by_sd;
                }
            }
        }
        for (slope, marginal) in slopes.iter_mut().zip(marginals) {
            slope.1 *= 0.5 / marginal.variance.sqrt();
        }
        most + libm::log(total)
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::hypervolume;
    use super::*;
    use crate::baseline::draw;

    fn front(objectives: usize) -> Vec<Vec<f64>> {
        let mut rng = Stream::root(7);
        (0..6).map(|_| (0..objectives).map(|_| rng.unit()).collect()).collect()
    }

    fn marginals(objectives: usize) -> Vec<Marginal> {
        (0..objectives).map(|j| Marginal { mean: 0.3 + 0.1 * j as f64, variance: 0.04 }).collect()
    }

    /// The mean of the gain in volume over draws.
    #[test]
    fn agrees_with_counting_gains() {
        for objectives in 1..=4 {
            let (front, at) = (front(objectives), marginals(objectives));
            let reference = vec![1.1; objectives];
            let mut slopes = vec![(0.0, 0.0); objectives];
            let exact = Improvement::new(&front, &reference).score(&at, &mut slopes).exp();
            let before = hypervolume(&front, &reference);
            let (mut rng, draws) = (Stream::root(1), 4000);
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..draws {
                let mut with = front.clone();
                with.push(at.iter().map(|m| m.mean + m.variance.sqrt() * draw(&mut rng)).collect());
                let gain = hypervolume(&with, &reference) - before;
                (sum, squares) = (sum + gain, squares + gain * gain);
            }
            let n = f64::from(draws);
            let error = ((squares / n - (sum / n).powi(2)) / n).sqrt();
            assert!((exact - sum / n).abs() < 4.0 * error, "{objectives}: {exact} {} +- {error}", sum / n);
        }
    }

    #[test]
    fn one_objective_is_the_expected_improvement() {
        let at = Marginal { mean: 0.8, variance: 0.01 };
        let mut improvement = Improvement::new(&[vec![0.5]], &[2.0]);
        let found = improvement.score(&[at], &mut [(0.0, 0.0)]);
        let expected = log_h((0.5 - 0.8) / 0.1).value + 0.1_f64.ln();
        assert!((found - expected).abs() < 1e-12);
    }

    #[test]
    fn derivatives_agree_with_differences_also_far_away() {
        for objectives in [2, 3] {
            let mut improvement = Improvement::new(&front(objectives), &vec![1.1; objectives]);
            for shift in [0.0, 2.0, 30.0] {
                let mut at = marginals(objectives);
                for marginal in &mut at {
                    marginal.mean += shift;
                }
                let mut slopes = vec![(0.0, 0.0); objectives];
                let value = improvement.score(&at, &mut slopes);
                assert!(value.is_finite());
                let mut unread = slopes.clone();
                for j in 0..objectives {
                    let mut with = |mean: f64, variance: f64| {
                        let mut at = at.clone();
                        at[j].mean += mean;
                        at[j].variance += variance;
                        improvement.score(&at, &mut unread)
                    };
                    let by_mean = (with(1e-6, 0.0) - with(-1e-6, 0.0)) / 2e-6;
                    let by_variance = (with(0.0, 1e-8) - with(0.0, -1e-8)) / 2e-8;
                    let near = |a: f64, b: f64| (a - b).abs() < 1e-4 * (1.0 + b.abs());
                    assert!(
                        near(slopes[j].0, by_mean),
                        "{objectives} {shift} {j}: {} {by_mean}",
                        slopes[j].0
                    );
                    assert!(
                        near(slopes[j].1, by_variance),
                        "{objectives} {shift} {j}: {} {by_variance}",
                        slopes[j].1
                    );
                }
            }
        }
    }
}
