use std::f64::consts::TAU;

use meta_traits::Stream;

use super::coroutine::Port;
use super::uniform;

/// Populations double at a restart, up to this.
const LARGEST: usize = 64;

type Matrix = Vec<Vec<f64>>;

/// CMA-ES with the constants of Hansen's tutorial (2016, positive weights); never ends: it restarts with twice the
/// population when the search has converged or degenerated.
pub(super) async fn minimise(port: Port, from: Option<Vec<f64>>, dim: usize, mut rng: Stream) {
    let mut population = 4 + (3.0 * (dim as f64).ln()) as usize;
    let mut from = from;
    loop {
        let (mean, sigma) = match from.take() {
            Some(x) => (x, 1.0),
            None => (uniform(dim, -4.0, 4.0, &mut rng), 2.0),
        };
        run(&port, mean, sigma, population, &mut rng).await;
        population = (2 * population).min(LARGEST);
    }
}

async fn run(port: &Port, mut mean: Vec<f64>, mut sigma: f64, population: usize, rng: &mut Stream) {
    let dim = mean.len();
    let n = dim as f64;
    let parents = population / 2;
    let raw: Vec<f64> =
        (1..=parents).map(|i| f64::midpoint(population as f64, 1.0).ln() - (i as f64).ln()).collect();
    let weights: Vec<f64> = raw.iter().map(|w| w / raw.iter().sum::<f64>()).collect();
    let mu = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
    let cs = (mu + 2.0) / (n + mu + 5.0);
    let damping = 1.0 + 2.0 * (((mu - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + cs;
    let cc = (4.0 + mu / n) / (n + 4.0 + 2.0 * mu / n);
    let c1 = 2.0 / ((n + 1.3).powi(2) + mu);
    let cmu = (1.0 - c1).min(2.0 * (mu - 2.0 + 1.0 / mu) / ((n + 2.0).powi(2) + mu));
    let expected = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    let mut c: Matrix = (0..dim).map(|i| (0..dim).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let (mut pc, mut ps) = (vec![0.0; dim], vec![0.0; dim]);
    let mut history: Vec<f64> = Vec::new();
    let long = 10 + (30.0 * n / population as f64) as usize;
    loop {
        let (values, basis) = eigen(c.clone());
        let scales: Vec<f64> = values.iter().map(|v| v.max(1e-30).sqrt()).collect();
        let whiten = |y: &[f64]| -> Vec<f64> {
            (0..dim).map(|k| (0..dim).map(|i| basis[i][k] * y[i]).sum::<f64>() / scales[k]).collect()
        };
        let mut steps: Vec<(f64, Vec<f64>)> = (0..population)
            .map(|_| {
                let z: Vec<f64> = scales.iter().map(|s| s * normal(rng)).collect();
                (0.0, (0..dim).map(|i| (0..dim).map(|k| basis[i][k] * z[k]).sum()).collect())
            })
            .collect();
        for (i, (value, step)) in steps.iter_mut().enumerate() {
            if i + 1 == population
                && let Some((x, _)) = port.injected()
            {
                let y: Vec<f64> = x.iter().zip(&mean).map(|(x, m)| (x - m) / sigma).collect();
                let length = norm(&whiten(&y));
                let shrink = ((n.sqrt() + 2.0 * n / (n + 2.0)) / length.max(1e-300)).min(1.0);
                *step = y.into_iter().map(|y| y * shrink).collect();
            }
            let x: Vec<f64> = mean.iter().zip(step.iter()).map(|(m, y)| m + sigma * y).collect();
            *value = port.value(&x).await;
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let step: Vec<f64> =
            (0..dim).map(|i| weights.iter().zip(&steps).map(|(w, (_, y))| w * y[i]).sum()).collect();
        mean.iter_mut().zip(&step).for_each(|(m, y)| *m += sigma * y);
        let white = whiten(&step);
        let back = |i: usize| (0..dim).map(|k| basis[i][k] * white[k]).sum::<f64>();
        for (i, p) in ps.iter_mut().enumerate() {
            *p = (1.0 - cs) * *p + (cs * (2.0 - cs) * mu).sqrt() * back(i);
        }
        let length = norm(&ps);
        history.push(steps[0].0);
        let grown = 1.0 - (1.0 - cs).powf(2.0 * history.len() as f64);
        let moving = f64::from(u8::from(length / grown.sqrt() < (1.4 + 2.0 / (n + 1.0)) * expected));
        for (p, y) in pc.iter_mut().zip(&step) {
            *p = (1.0 - cc) * *p + moving * (cc * (2.0 - cc) * mu).sqrt() * y;
        }
        let keep = 1.0 - c1 - cmu + (1.0 - moving) * c1 * cc * (2.0 - cc);
        for (i, row) in c.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                let spread: f64 = weights.iter().zip(&steps).map(|(w, (_, y))| w * y[i] * y[j]).sum();
                *entry = keep * *entry + c1 * pc[i] * pc[j] + cmu * spread;
            }
        }
        sigma *= (cs / damping * (length / expected - 1.0)).min(1.0).exp();
        let recent = &history[history.len().saturating_sub(long)..];
        let range = recent.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
            - recent.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        let widest = (0..dim).map(|i| c[i][i]).fold(0.0, f64::max);
        let ratio = scales.iter().fold(0.0, |a: f64, b| a.max(*b))
            / scales.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        let flat = steps[0].0 >= steps[population - 1].0;
        let small = sigma * widest.sqrt() < 1e-12;
        if recent.len() == long && range < 1e-12 || small || ratio > 1e7 || sigma > 1e4 || flat {
            return;
        }
    }
}

/// A standard normal number (Box & Muller).
fn normal(rng: &mut Stream) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (TAU * rng.unit()).cos()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut a: Matrix) -> (Vec<f64>, Matrix) {
    let n = a.len();
    let mut v: Matrix = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..50 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum();
        let diagonal: f64 = (0..n).map(|i| a[i][i].powi(2)).sum();
        if off <= 1e-32 * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = 1.0_f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
                let (c, s) = (1.0 / (t * t + 1.0).sqrt(), t / (t * t + 1.0).sqrt());
                let turn = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
                for row in a.iter_mut().chain(&mut v) {
                    (row[p], row[q]) = turn(row[p], row[q]);
                }
                let (upper, lower) = a.split_at_mut(q);
                for (x, y) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*x, *y) = turn(*x, *y);
                }
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), v)
}
