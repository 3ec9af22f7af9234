use meta_traits::Stream;

/// Minimises by the separable CMA-ES (Ros & Hansen 2008): a normal distribution with a variance a coordinate, moved and
/// shaped by the better half of its draws. `judge` is given a generation's number and its points, and gives a value to
/// each; values of different generations are never compared, so that each may be judged on data of its own. NaN counts
/// as worst. Returns the mean of the distribution at the end.
pub(crate) fn minimise(
    start: Vec<f64>,
    step: f64,
    generations: usize,
    population: usize,
    rng: &Stream,
    mut judge: impl FnMut(usize, &[Vec<f64>]) -> Vec<f64>,
) -> Vec<f64> {
    let n = start.len() as f64;
    let population = population.max(4);
    let parents = population / 2;
    let raw: Vec<f64> = (1..=parents).map(|i| (parents as f64 + 0.5).ln() - (i as f64).ln()).collect();
    let total: f64 = raw.iter().sum();
    let weights: Vec<f64> = raw.iter().map(|w| w / total).collect();
    let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
    let c_step = (effective + 2.0) / (n + effective + 5.0);
    let c_path = 4.0 / (n + 4.0);
    let faster = (n + 2.0) / 3.0;
    let c_one = faster * 2.0 / ((n + 1.3).powi(2) + effective);
    let c_mu = faster * 2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective);
    let c_mu = c_mu.clamp(0.0, 1.0 - c_one);
    let expected = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    let (mut mean, mut step) = (start, step);
    let mut variances = vec![1.0_f64; mean.len()];
    let (mut step_path, mut path) = (vec![0.0; mean.len()], vec![0.0; mean.len()]);
    for generation in 0..generations {
        let mut rng = rng.child("generation", generation as u64);
        let draws: Vec<Vec<f64>> =
            (0..population).map(|_| mean.iter().map(|_| normal(&mut rng)).collect()).collect();
        let point = |z: &Vec<f64>| -> Vec<f64> {
            let at = |((m, v), z): ((&f64, &f64), &f64)| m + step * v.sqrt() * z;
            mean.iter().zip(&variances).zip(z).map(at).collect()
        };
        let values = judge(generation, &draws.iter().map(point).collect::<Vec<_>>());
        let value = |i: &usize| values.get(*i).copied().filter(|v| !v.is_nan()).unwrap_or(f64::INFINITY);
        let mut order: Vec<usize> = (0..population).collect();
        order.sort_by(|a, b| value(a).total_cmp(&value(b)));
        let best = || weights.iter().zip(&order);
        let mut length = 0.0;
        for (i, mean) in mean.iter_mut().enumerate() {
            let deviation = variances[i].sqrt();
            let shift: f64 = best().map(|(w, k)| w * draws[*k][i]).sum();
            let square: f64 = best().map(|(w, k)| w * draws[*k][i] * draws[*k][i]).sum();
            *mean += step * deviation * shift;
            step_path[i] =
                (1.0 - c_step) * step_path[i] + (c_step * (2.0 - c_step) * effective).sqrt() * shift;
            path[i] =
                (1.0 - c_path) * path[i] + (c_path * (2.0 - c_path) * effective).sqrt() * deviation * shift;
            length += step_path[i] * step_path[i];
            variances[i] = (1.0 - c_one - c_mu) * variances[i]
                + c_one * path[i] * path[i]
                + c_mu * variances[i] * square;
        }
        step *= (c_step / (1.0 + c_step) * (length.sqrt() / expected - 1.0)).exp();
        step = step.min(1.0);
    }
    mean
}

/// A draw from the standard normal distribution (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretched_bowl_under_noise_is_descended() {
        let value = |x: &Vec<f64>| -> f64 {
            x.iter().enumerate().map(|(i, x)| 10_f64.powf((i % 4) as f64) * (x - 1.0).powi(2)).sum()
        };
        let mut noise = Stream::root(7);
        let start = vec![-1.0; 8];
        let first = value(&start);
        let end = minimise(start, 0.5, 150, 12, &Stream::root(1), |_, points| {
            points.iter().map(|x| value(x) * (1.0 + 0.1 * noise.unit())).collect()
        });
        assert!(value(&end) < 1e-3 * first, "{end:?}");
        let none = minimise(vec![0.5; 3], 0.5, 5, 8, &Stream::root(1), |_, _| vec![f64::NAN; 8]);
        assert!(none.iter().all(|x| x.is_finite()));
        assert!(minimise(vec![], 0.5, 3, 8, &Stream::root(1), |_, _| vec![]).is_empty());
    }
}
