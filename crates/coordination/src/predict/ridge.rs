use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use serde::{Deserialize, Serialize};

/// Online ridge regression that forgets: recursive least squares with exponential forgetting, in its information form.
///
/// Minimises the sum of `keep^age (y - w x)^2` plus `prior |w|^2`, the first weight (of the constant) nearly free. Unlike the
/// covariance form, the prior is not forgotten, so directions nobody has excited for long do not blow up. O(length^3) an
/// observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ridge {
    prior: f64,
    keep: f64,
    /// Sums of products of inputs, lower triangle by rows, without the prior.
    information: Vec<f64>,
    moments: Vec<f64>,
    weights: Vec<f64>,
}

impl Ridge {
    pub(super) fn new(length: usize, prior: f64, keep: f64) -> Self {
        let (information, moments) = (vec![0.0; length * (length + 1) / 2], vec![0.0; length]);
        Self { prior, keep, information, weights: moments.clone(), moments }
    }

    pub(super) fn is_sound(&self, length: usize) -> bool {
        let lengths = self.moments.len() == length && self.weights.len() == length;
        let share = self.keep > 0.0 && self.keep <= 1.0;
        lengths && share && self.prior > 0.0 && self.information.len() == length * (length + 1) / 2
    }

    /// The prediction at `x`, and how much less is known there than everywhere: x' A^-1 x, in units of the noise.
    pub(super) fn predict(&self, x: &[f64]) -> (f64, f64) {
        let mean = self.weights.iter().zip(x).map(|(w, x)| w * x).sum();
        let leverage = self.factor().map_or(1.0, |factor| {
            let x = DVector::from_column_slice(x);
            factor.solve(&x).dot(&x)
        });
        (mean, leverage.clamp(0.0, 1e6))
    }

    pub(super) fn observe(&mut self, x: &[f64], y: f64) {
        let mut at = self.information.iter_mut();
        for (i, a) in x.iter().enumerate() {
            for (b, sum) in x[..=i].iter().zip(&mut at) {
                *sum = self.keep * *sum + a * b;
            }
        }
        for (sum, a) in self.moments.iter_mut().zip(x) {
            *sum = self.keep * *sum + a * y;
        }
        if let Some(factor) = self.factor() {
            let weights = factor.solve(&DVector::from_column_slice(&self.moments));
            if weights.iter().all(|w| w.is_finite()) {
                self.weights = weights.as_slice().to_vec();
            }
        }
    }

    fn factor(&self) -> Option<Cholesky<f64, Dyn>> {
        let n = self.moments.len();
        let of = |i: usize, j: usize| {
            let (high, low) = (i.max(j), i.min(j));
            let prior = if i == j { self.prior * if i == 0 { 1e-3 } else { 1.0 } } else { 0.0 };
            self.information[high * (high + 1) / 2 + low] + prior
        };
        DMatrix::from_fn(n, n, of).cholesky()
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    /// The normal equations of weighted rows, solved whole.
    #[test]
    fn it_is_weighted_ridge_regression() {
        let mut rng = Stream::root(3);
        let rows: Vec<([f64; 3], f64)> =
            (0..30).map(|_| ([1.0, rng.unit(), rng.unit()], 5.0 * rng.unit())).collect();
        let mut ridge = Ridge::new(3, 0.5, 0.9);
        for (x, y) in &rows {
            ridge.observe(x, *y);
        }
        let (mut a, mut b) = (DMatrix::zeros(3, 3), DVector::zeros(3));
        a.fill_diagonal(0.5);
        a[(0, 0)] = 0.5e-3;
        for (age, (x, y)) in (0..).zip(rows.iter().rev()) {
            let weight = 0.9_f64.powi(age);
            let x = DVector::from_column_slice(x);
            a += weight * &x * x.transpose();
            b += weight * *y * &x;
        }
        let inverse = a.try_inverse().unwrap();
        let weights = &inverse * b;
        for x in [[1.0, 0.2, 0.9], [1.0, 3.0, -2.0]] {
            let (mean, leverage) = ridge.predict(&x);
            let x = DVector::from_column_slice(&x);
            assert!((mean - weights.dot(&x)).abs() < 1e-9);
            assert!((leverage - x.dot(&(&inverse * &x))).abs() < 1e-9);
        }
    }

    #[test]
    fn a_direction_that_is_never_seen_stays_with_the_prior() {
        let mut ridge = Ridge::new(2, 1.0, 0.9);
        for _ in 0..10_000 {
            ridge.observe(&[1.0, 0.0], 2.0);
        }
        let (mean, leverage) = ridge.predict(&[1.0, 1.0]);
        assert!((mean - 2.0).abs() < 1e-3, "{mean}");
        assert!((leverage - 1.1).abs() < 1e-3, "1 of the prior and 0.1 of what is remembered: {leverage}");
    }
}
