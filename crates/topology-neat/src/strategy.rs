use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::mutate::normal;
use crate::{Innovation, NetworkGenome};

/// Above so many weights the matrix is its diagonal: sampling stays linear in the weights.
const FULL: usize = 64;

/// The inner weight optimiser of a species: matrix adaptation evolution (Beyer & Sendhoff 2017, algorithm MA-ES) on the
/// enabled edges, named by id so that it survives changes of structure; separable above 64 weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strategy {
    genes: Vec<Innovation>,
    mean: Vec<f64>,
    step: f64,
    path: Vec<f64>,
    /// Row by row, or the diagonal alone.
    matrix: Vec<f64>,
}

impl Strategy {
    /// Starts at the weights of `genome` with this step and no correlations.
    pub(crate) fn new(genome: &NetworkGenome, step: f64) -> Self {
        let on = || genome.edges().iter().filter(|e| e.enabled);
        let genes: Vec<_> = on().map(|e| e.id).collect();
        let n = genes.len();
        let matrix = if n > FULL {
            vec![1.0; n]
        } else {
            (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect()
        };
        Self { mean: on().map(|e| e.payload).collect(), genes, step, path: vec![0.0; n], matrix }
    }

    /// The same search on a changed genome: what is known of edges that both have is kept.
    pub(crate) fn carried_to(&self, genome: &NetworkGenome, step: f64) -> Self {
        let mut next = Self::new(genome, step);
        let place: Vec<Option<usize>> =
            next.genes.iter().map(|id| self.genes.binary_search(id).ok()).collect();
        if self.genes.len() <= FULL && next.genes.len() <= FULL {
            let (n, m) = (next.genes.len(), self.genes.len());
            for (i, from) in place.iter().enumerate() {
                for (j, and) in place.iter().enumerate() {
                    if let (Some(a), Some(b)) = (from, and) {
                        next.matrix[i * n + j] = self.matrix[a * m + b];
                    }
                }
            }
        }
        next
    }

    /// How many weights there are.
    pub(crate) fn len(&self) -> usize {
        self.genes.len()
    }

    /// The present step.
    pub(crate) fn step(&self) -> f64 {
        self.step
    }

    /// Fresh standard normal numbers, one a weight.
    pub(crate) fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        (0..self.len()).map(|_| normal(rng)).collect()
    }

    fn turned(&self, z: &[f64]) -> Vec<f64> {
        let n = self.len();
        if n > FULL {
            return self.matrix.iter().zip(z).map(|(m, z)| m * z).collect();
        }
        let dot = |row: &[f64]| row.iter().zip(z).map(|(m, z)| m * z).sum();
        self.matrix.chunks_exact(n.max(1)).map(dot).collect()
    }

    /// Writes the weights of draw `z` into `genome`.
    pub(crate) fn express(&self, z: &[f64], genome: &mut NetworkGenome) {
        let turned = self.turned(z);
        for ((weight, mean), d) in genome.payloads_mut().zip(&self.mean).zip(turned) {
            *weight = (mean + self.step * d).clamp(-1e6, 1e6);
        }
    }

    /// Learns from draws, best first, `of` of them having been made; with fewer than two nothing is learnt.
    pub(crate) fn learn(&mut self, best_first: &[&[f64]], of: usize) {
        let n = self.len();
        let parents = (of / 2).min(best_first.len());
        if parents < 2 || n == 0 {
            return;
        }
        let raw: Vec<f64> = (1..=parents).map(|i| (parents as f64 + 0.5).ln() - (i as f64).ln()).collect();
        let total: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|w| w / total).collect();
        let mass = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let size = n as f64;
        let rate_path = (mass + 2.0) / (size + mass + 5.0);
        let mut one = 2.0 / ((size + 1.3).powi(2) + mass);
        let mut many = 2.0 * (mass - 2.0 + 1.0 / mass) / ((size + 2.0).powi(2) + mass);
        if n > FULL {
            one *= (size + 2.0) / 3.0;
            many *= (size + 2.0) / 3.0;
        }
        let many = many.min(1.0 - one).max(0.0);
        let damping = 1.0 + rate_path + 2.0 * (((mass - 1.0) / (size + 1.0)).sqrt() - 1.0).max(0.0);
        let mut centre = vec![0.0; n];
        for (z, w) in best_first.iter().zip(&weights) {
            centre.iter_mut().zip(*z).for_each(|(c, z)| *c += w * z);
        }
        let moved = self.turned(&centre);
        self.mean.iter_mut().zip(moved).for_each(|(m, d)| *m = (*m + self.step * d).clamp(-1e6, 1e6));
        let push = (rate_path * (2.0 - rate_path) * mass).sqrt();
        self.path.iter_mut().zip(&centre).for_each(|(p, c)| *p = (1.0 - rate_path) * *p + push * c);
        self.turn(best_first, &weights, one, many);
        let length = self.path.iter().map(|p| p * p).sum::<f64>().sqrt();
        let usual = size.sqrt() * (1.0 - 1.0 / (4.0 * size) + 1.0 / (21.0 * size * size));
        let factor = (rate_path / damping * (length / usual - 1.0)).min(1.0).exp();
        self.step = (self.step * factor).clamp(1e-12, 1e4);
    }

    /// M <- M (I + one/2 (p p' - I) + many/2 (sum w z z' - I)).
    fn turn(&mut self, best_first: &[&[f64]], weights: &[f64], one: f64, many: f64) {
        let n = self.len();
        let keep = 1.0 - 0.5 * (one + many);
        if n > FULL {
            for at in 0..n {
                let spread: f64 = best_first.iter().zip(weights).map(|(z, w)| w * z[at] * z[at]).sum();
                let factor = keep + 0.5 * (one * self.path[at] * self.path[at] + many * spread);
                self.matrix[at] = (self.matrix[at] * factor).clamp(1e-9, 1e9);
            }
            return;
        }
        let along = self.turned(&self.path);
        let turned: Vec<Vec<f64>> = best_first.iter().take(weights.len()).map(|z| self.turned(z)).collect();
        self.matrix.iter_mut().for_each(|m| *m *= keep);
        let mut add = |d: &[f64], z: &[f64], scale: f64| {
            for (row, d) in self.matrix.chunks_exact_mut(n).zip(d) {
                row.iter_mut().zip(z).for_each(|(m, z)| *m += scale * d * z);
            }
        };
        add(&along, &self.path, 0.5 * one);
        for ((d, z), w) in turned.iter().zip(best_first).zip(weights) {
            add(d, z, 0.5 * many * w);
        }
    }
}

impl Strategy {
    /// Whether this is a search over the enabled edges of `genome` with all its numbers.
    pub(crate) fn fits(&self, genome: &NetworkGenome) -> bool {
        let n = self.len();
        let on = genome.edges().iter().filter(|e| e.enabled).map(|e| &e.id);
        on.eq(&self.genes)
            && [self.mean.len(), self.path.len()] == [n, n]
            && self.matrix.len() == if n > FULL { n } else { n * n }
    }
}
