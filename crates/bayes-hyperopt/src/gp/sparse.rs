//! What very many points say at a few of them.

use nalgebra::DMatrix;
use pulp::Arch;

use super::dense::{cholesky, invert_lower, multiply, multiply_transposed, padded, zeros};
use crate::kernel::{Kernel, Layout, Scratch, Shape};

/// The least noise, as a share of the signal's variance: what the inducing points cannot express counts as noise.
const LEAST_NOISE: f64 = 1e-6;

/// Kernel and noise of a process.
#[derive(Clone, Copy)]
pub(crate) struct Covariance<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) shape: Shape,
    pub(crate) theta: &'a [f64],
    pub(crate) nugget: f64,
}

/// Positions of `count` points that cover all: from `first` on, each next is the farthest from those before, in
/// lengthscales (Gonzalez 1985). O(n count d).
pub(crate) fn cover(columns: &[Vec<f64>], inverse: &[f64], first: usize, count: usize) -> Vec<usize> {
    let n = columns.first().map_or(0, Vec::len);
    if n == 0 {
        return Vec::new();
    }
    let mut chosen = vec![first.min(n - 1)];
    let mut nearest = vec![f64::INFINITY; n];
    while chosen.len() < count.min(n) {
        let last = chosen[chosen.len() - 1];
        for (i, nearest) in nearest.iter_mut().enumerate() {
            let apart = |(column, scale): (&Vec<f64>, &f64)| ((column[i] - column[last]) * scale).powi(2);
            *nearest = columns.iter().zip(inverse).map(apart).sum::<f64>().min(*nearest);
        }
        let Some(far) = (0..n).max_by(|a, b| nearest[*a].total_cmp(&nearest[*b])) else { break };
        if nearest[far] <= 0.0 {
            break;
        }
        chosen.push(far);
    }
    chosen
}

/// The means at the points `inducing` of a process that all `targets` (mean 0) are told to through these points alone: K_uu (s K_uu +
/// K_uf K_fu)^-1 K_uf y with the noise s (deterministic training conditional, Seeger et al. 2003; the same as a Bayesian
/// linear regression on the covariances with the points, Perrone et al. 2018 with these for a basis). O(n m^2). `None` where
/// the matrix cannot be factored.
pub(crate) fn inducing_means(
    covariance: Covariance<'_>,
    columns: &[Vec<f64>],
    targets: &[f64],
    inducing: &[usize],
) -> Option<Vec<f64>> {
    let (n, m) = (targets.len(), inducing.len());
    let kernel = Kernel::new(covariance.layout, covariance.shape, covariance.theta);
    let noise = covariance.nugget.max(LEAST_NOISE);
    let mut columns = columns.to_vec();
    for column in &mut columns {
        column.resize(padded(n), 0.0);
    }
    let mut scratch = Scratch::default();
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(m);
    for i in inducing {
        let x: Vec<f64> = columns.iter().map(|column| column[*i]).collect();
        let mut row = vec![0.0; padded(n)];
        Arch::new().dispatch(|| kernel.row(&x, &columns, (0, n), &mut row, &mut scratch));
        row[*i] = kernel.diagonal(&x);
        row[n..].fill(0.0);
        rows.push(row);
    }
    let mut lower = zeros(m);
    for (j, row) in rows.iter().enumerate() {
        for (i, at) in inducing.iter().enumerate() {
            lower[(i, j)] = row[*at] + if i == j { 1e-9 } else { 0.0 };
        }
    }
    // With K_uu = L L^T and V = L^-1 K_uf the means are L (s I + V V^T)^-1 V y.
    if !cholesky(&mut lower) {
        return None;
    }
    let mut inverse = zeros(m);
    invert_lower(&lower, &mut inverse);
    let mut whitened = DMatrix::<f64>::zeros(padded(m), n);
    let (mut k, mut v) = (vec![0.0; padded(m)], vec![0.0; padded(m)]);
    for j in 0..n {
        k.iter_mut().zip(&rows).for_each(|(k, row)| *k = row[j]);
        Arch::new().dispatch(|| multiply(&inverse, &k, &mut v));
        whitened.column_mut(j).copy_from_slice(&v);
    }
    let mut inner = &whitened * whitened.transpose();
    let mut right = &whitened * nalgebra::DVector::from_column_slice(targets);
    for i in 0..m {
        inner[(i, i)] += noise;
    }
    let mut system = zeros(m);
    system.view_mut((0, 0), (m, m)).copy_from(&inner.view((0, 0), (m, m)));
    if !cholesky(&mut system) {
        return None;
    }
    let mut solver = zeros(m);
    invert_lower(&system, &mut solver);
    Arch::new().dispatch(|| multiply(&solver, right.as_slice(), &mut v));
    Arch::new().dispatch(|| multiply_transposed(&solver, &v, right.as_mut_slice()));
    Arch::new().dispatch(|| multiply(&lower, right.as_slice(), &mut v));
    v.truncate(m);
    v.iter().all(|mean| mean.is_finite()).then_some(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Smoothness, Structure};
    use crate::{Domain, Parameter, SearchSpace};
    use meta_traits::Stream;

    fn line() -> Layout {
        let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
        Layout::new(&SearchSpace::new(vec![x]).unwrap())
    }

    #[test]
    fn with_every_point_it_is_the_exact_posterior() {
        let (layout, n, noise) = (line(), 12, 0.05);
        let shape = Shape::new(Structure::Radial, Smoothness::Rbf);
        let theta = [(0.3_f64).ln()];
        let column: Vec<f64> = (0..n).map(|i| f64::from(i) / 11.0).collect();
        let y: Vec<f64> = column.iter().map(|x| (6.0 * x).sin()).collect();
        let covariance = Covariance { layout: &layout, shape, theta: &theta, nugget: noise };
        let all: Vec<usize> = (0..12).collect();
        let means = inducing_means(covariance, std::slice::from_ref(&column), &y, &all).unwrap();
        let k = DMatrix::from_fn(12, 12, |i, j| (-0.5 * ((column[i] - column[j]) / 0.3).powi(2)).exp());
        let exact = &k
            * (&k + DMatrix::identity(12, 12) * noise).try_inverse().unwrap()
            * nalgebra::DVector::from_vec(y);
        for (mean, exact) in means.iter().zip(exact.iter()) {
            assert!((mean - exact).abs() < 1e-5, "{mean} {exact}");
        }
    }

    #[test]
    fn a_few_points_smooth_what_many_noisy_ones_say() {
        let layout = line();
        let mut rng = Stream::root(5);
        let column: Vec<f64> = (0..1500).map(|_| rng.unit()).collect();
        let y: Vec<f64> = column.iter().map(|x| (6.0 * x).sin() + rng.unit() - 0.5).collect();
        let chosen = cover(std::slice::from_ref(&column), &[3.0], 0, 12);
        assert_eq!(chosen.len(), 12);
        let shape = Shape::new(Structure::Radial, Smoothness::Rbf);
        let covariance = Covariance { layout: &layout, shape, theta: &[(0.3_f64).ln()], nugget: 0.1 };
        let means = inducing_means(covariance, std::slice::from_ref(&column), &y, &chosen).unwrap();
        for (i, mean) in chosen.iter().zip(means) {
            assert!((mean - (6.0 * column[*i]).sin()).abs() < 0.1, "{} {mean}", column[*i]);
        }
        assert_eq!(cover(&[vec![0.5; 4]], &[1.0], 1, 3).len(), 1);
    }
}
