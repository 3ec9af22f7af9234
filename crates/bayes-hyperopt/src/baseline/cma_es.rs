use meta_traits::{Fidelity, Stream};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::{Ended, Ending, Step, Strategy, draw};
use crate::SearchSpace;

/// Draws per point before it is clamped to the box.
const TRIES: usize = 100;
/// The step size, in units of the box, below which a search starts anew.
const TINY: f64 = 1e-10;
/// The condition number of the covariance above which a search starts anew.
const FLAT: f64 = 1e14;

/// Covariance matrix adaptation with negative weights, at full fidelity.
///
/// Constants are those of Hansen (2016), "The CMA evolution strategy: a tutorial", table 1: population 4 + floor(3 ln n),
/// mean in the middle of the unit cube, step size 0.3. Points outside the cube are drawn again, then clamped. The
/// spread along a discrete parameter is kept at what leaves its bin with probability 1/(n population), in the spirit of
/// the margin of Hamano et al. (2022); choices are taken as ordered. When the distribution has collapsed it starts anew at
/// a random mean with twice the population (Auger & Hansen 2005). Failed trials rank last, abandoned ones are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CmaEs {
    population: usize,
    mean: Vec<f64>,
    sigma: f64,
    /// Rows of the covariance matrix.
    covariance: Vec<Vec<f64>>,
    path_sigma: Vec<f64>,
    path_covariance: Vec<f64>,
    generation: u64,
    /// By trial: latent point, and loss unless it failed.
    told: Vec<(u64, Vec<f64>, Option<f64>)>,
}

/// The constants of the tutorial for one dimension and population.
struct Constants {
    weights: Vec<f64>,
    /// Variance effective selection mass of the positive weights.
    mass: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    /// E |N(0, I)|.
    length: f64,
}

impl Constants {
    fn new(n: f64, population: usize) -> Self {
        let half = f64::midpoint(population as f64, 1.0);
        let raw: Vec<f64> = (1..=population).map(|i| half.ln() - (i as f64).ln()).collect();
        let mass = |w: &[f64]| {
            let (sum, squares) = w.iter().fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
            sum * sum / squares
        };
        let parents = population / 2;
        let (mu, mu_minus) = (mass(&raw[..parents]), mass(&raw[parents..]));
        let c_c = (4.0 + mu / n) / (n + 4.0 + 2.0 * mu / n);
        let c_1 = 2.0 / ((n + 1.3).powi(2) + mu);
        let c_mu = (1.0 - c_1).min(2.0 * (mu + 1.0 / mu - 2.0) / ((n + 2.0).powi(2) + mu));
        let c_sigma = (mu + 2.0) / (n + mu + 5.0);
        let d_sigma = 1.0 + 2.0 * (((mu - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma;
        let positive: f64 = raw.iter().filter(|w| **w > 0.0).sum();
        let negative: f64 = -raw.iter().filter(|w| **w < 0.0).sum::<f64>();
        let alpha =
            (1.0 + c_1 / c_mu).min(1.0 + 2.0 * mu_minus / (mu + 2.0)).min((1.0 - c_1 - c_mu) / (n * c_mu));
        let scale = |w: &f64| if *w >= 0.0 { w / positive } else { w * alpha / negative };
        let length = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
        let weights = raw.iter().map(scale).collect();
        Self { weights, mass: mu, c_sigma, d_sigma, c_c, c_1, c_mu, length }
    }
}

impl CmaEs {
    /// A search in so many dimensions.
    pub fn new(space: &SearchSpace) -> Self {
        let n = space.len();
        let population = 4 + (3.0 * (n as f64).ln()).floor() as usize;
        Self::start(vec![0.5; n], population)
    }

    fn start(mean: Vec<f64>, population: usize) -> Self {
        let n = mean.len();
        let row = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
        Self {
            population,
            mean,
            sigma: 0.3,
            covariance: (0..n).map(row).collect(),
            path_sigma: vec![0.0; n],
            path_covariance: vec![0.0; n],
            generation: 0,
            told: Vec::new(),
        }
    }

    fn eigen(&self) -> SymmetricEigen<f64, nalgebra::Dyn> {
        let n = self.mean.len();
        SymmetricEigen::new(DMatrix::from_fn(n, n, |i, j| self.covariance[i][j]))
    }

    /// Moves the distribution by one generation of ranked points.
    fn update(&mut self, ranked: &[Vec<f64>], space: &SearchSpace) {
        let n = self.mean.len();
        let k = Constants::new(n as f64, self.population);
        let eigen = self.eigen();
        let roots = eigen.eigenvalues.map(|v| v.max(1e-20).sqrt());
        let whiten = |y: &DVector<f64>| {
            &eigen.eigenvectors * (eigen.eigenvectors.transpose() * y).component_div(&roots)
        };
        let step = |x: &Vec<f64>| DVector::from_fn(n, |i, _| (x[i] - self.mean[i]) / self.sigma);
        let steps: Vec<DVector<f64>> = ranked.iter().map(step).collect();
        let mut move_ = DVector::zeros(n);
        for (y, w) in steps.iter().zip(&k.weights).filter(|(_, w)| **w > 0.0) {
            move_ += y * *w;
        }
        let whitened = whiten(&move_);
        let mut path = DVector::from_vec(self.path_sigma.clone()) * (1.0 - k.c_sigma);
        path += &whitened * (k.c_sigma * (2.0 - k.c_sigma) * k.mass).sqrt();
        let length = path.norm();
        self.generation += 1;
        let settled = (1.0 - (1.0 - k.c_sigma).powi(2 * self.generation.min(10_000) as i32)).sqrt();
        let steady = length / settled < (1.4 + 2.0 / (n as f64 + 1.0)) * k.length;
        let h = f64::from(u8::from(steady));
        let mut path_c = DVector::from_vec(self.path_covariance.clone()) * (1.0 - k.c_c);
        path_c += &move_ * (h * (k.c_c * (2.0 - k.c_c) * k.mass).sqrt());
        let lost = (1.0 - h) * k.c_c * (2.0 - k.c_c);
        let total: f64 = k.weights.iter().sum();
        let keep = 1.0 + k.c_1 * lost - k.c_1 - k.c_mu * total;
        let mut covariance = DMatrix::from_fn(n, n, |i, j| keep * self.covariance[i][j]);
        covariance += &path_c * path_c.transpose() * k.c_1;
        for (y, w) in steps.iter().zip(&k.weights) {
            let w = if *w >= 0.0 { *w } else { w * n as f64 / whiten(y).norm_squared().max(1e-12) };
            covariance += y * y.transpose() * (k.c_mu * w);
        }
        for (mean, y) in self.mean.iter_mut().zip(move_.iter()) {
            *mean = (*mean + self.sigma * y).clamp(0.0, 1.0);
        }
        self.sigma = (self.sigma * ((k.c_sigma / k.d_sigma) * (length / k.length - 1.0)).exp()).min(1.0);
        self.path_sigma = path.iter().copied().collect();
        self.path_covariance = path_c.iter().copied().collect();
        // Leaving a bin from its middle with probability 1/(n population), both sides together.
        let rare = -quantile(0.5 / (n * self.population) as f64);
        for (i, parameter) in space.parameters().iter().enumerate() {
            if let Some(bins) = parameter.domain.cardinality().filter(|bins| *bins > 1) {
                let least = (0.5 / bins as f64 / rare / self.sigma).powi(2);
                covariance[(i, i)] = covariance[(i, i)].max(least);
            }
        }
        let row = |i: usize| (0..n).map(|j| 0.5 * (covariance[(i, j)] + covariance[(j, i)])).collect();
        self.covariance = (0..n).map(row).collect();
    }

    /// Whether no more progress is to be expected, or the numbers have left their range.
    fn collapsed(&self) -> bool {
        let values = self.eigen().eigenvalues;
        let (least, most) = (values.min(), values.max());
        !(least > 0.0 && most < FLAT * least && self.sigma * most.sqrt() > TINY)
    }
}

impl Strategy for CmaEs {
    const SCHEMA: &'static str = "bayes-hyperopt/cma-es";
    type Note = ();

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<()> {
        if self.told.is_empty() && self.collapsed() {
            *self = Self::start(space.sample_latent(rng), 2 * self.population);
        }
        let eigen = self.eigen();
        let n = self.mean.len();
        let roots = eigen.eigenvalues.map(|v| v.max(0.0).sqrt());
        let mut latent = self.mean.clone();
        for _ in 0..TRIES {
            let z = DVector::from_fn(n, |i, _| roots[i] * draw(rng));
            let y = &eigen.eigenvectors * z;
            latent = self.mean.iter().zip(y.iter()).map(|(m, y)| m + self.sigma * y).collect();
            if latent.iter().all(|u| (0.0..=1.0).contains(u)) {
                break;
            }
        }
        for u in &mut latent {
            *u = u.clamp(0.0, 1.0);
        }
        Step::Run { latent, fidelity: Fidelity::FULL, note: () }
    }

    fn learn(&mut self, space: &SearchSpace, ended: Ended<()>) {
        if ended.ending == Ending::Abandoned {
            return;
        }
        self.told.push((ended.id.0, ended.latent, ended.ending.loss()));
        if self.told.len() < self.population {
            return;
        }
        let mut told = std::mem::take(&mut self.told);
        if told.iter().all(|(_, _, loss)| loss.is_none()) {
            return;
        }
        told.sort_by(|a, b| {
            let worst = |loss: Option<f64>| loss.unwrap_or(f64::INFINITY);
            worst(a.2).total_cmp(&worst(b.2)).then(a.0.cmp(&b.0))
        });
        let ranked: Vec<Vec<f64>> = told.into_iter().map(|(_, latent, _)| latent).collect();
        self.update(&ranked, space);
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let n = space.len();
        let vectors = [&self.mean, &self.path_sigma, &self.path_covariance];
        self.population >= 4
            && self.sigma > 0.0
            && vectors.iter().all(|v| v.len() == n)
            && self.covariance.len() == n
            && self
                .covariance
                .iter()
                .chain(self.told.iter().map(|(_, latent, _)| latent))
                .all(|v| v.len() == n)
    }
}

/// The standard normal quantile by bisection; `p` in (0, 0.5].
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 0.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if super::cumulative(middle) < p { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constants of `cmaes.CMA(mean=zeros(6), sigma=0.3)` of the PyPI package `cmaes` 0.13.1.
    #[test]
    fn constants_are_those_of_the_tutorial() {
        let k = Constants::new(6.0, 9);
        let found = [k.mass, k.c_c, k.c_1, k.c_mu, k.c_sigma, k.d_sigma, k.length];
        let expected = [
            2.840_610_429_717_053_4,
            0.408_649_688_274_815_46,
            0.035_631_182_071_398_72,
            0.035_686_311_996_751_2,
            0.349_739_663_167_155,
            1.349_739_663_167_155,
            2.350_667_735_964_534_5,
        ];
        let weights = [
            0.493_738_38,
            0.281_096_83,
            0.156_709_5,
            0.068_455_29,
            0.0,
            -0.231_108_16,
            -0.426_507_33,
            -0.595_769_79,
            -0.745_069_86,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        for (found, expected) in k.weights.iter().zip(weights) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
    }

    #[test]
    fn the_quantile_inverts() {
        assert!((quantile(0.025) + 1.959_963_984_540_054).abs() < 1e-9);
        assert!(quantile(0.5).abs() < 1e-9);
    }
}
