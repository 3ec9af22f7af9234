use nalgebra::DMatrix;
use pulp::Arch;

use super::dense::{cholesky, multiply, padded, zeros};
use super::posterior::Gp;
use crate::kernel::{Kernel, Scratch};

/// Shares of the signal's variance added to the diagonal until the covariance can be factored.
const JITTER: [f64; 5] = [1e-12, 1e-10, 1e-8, 1e-6, 1e-4];

/// The posterior at several points together: what draws of the function need.
pub(crate) struct Joint {
    means: Vec<f64>,
    /// The Cholesky factor of the covariance.
    factor: DMatrix<f64>,
}

impl Joint {
    /// The posterior of `gp` at `points`, features each; `None` where their covariance cannot be factored. O(m n^2 + m^3).
    pub(crate) fn new(gp: &Gp, points: &[Vec<f64>]) -> Option<Self> {
        let m = points.len();
        let dimensions = points.first()?.len();
        let mut columns = vec![vec![0.0; padded(m)]; dimensions];
        for (i, point) in points.iter().enumerate() {
            columns.iter_mut().zip(gp.layout.bent(point)).for_each(|(column, x)| column[i] = x);
        }
        let kernel = Kernel::new(&gp.layout, gp.shape, &gp.theta);
        let (mut means, mut explained) = (Vec::with_capacity(m), Vec::with_capacity(m));
        let mut predictor = gp.predictor();
        let mut covariance = zeros(m);
        let (mut row, mut scratch) = (vec![0.0; padded(m)], Scratch::default());
        for (i, point) in points.iter().enumerate() {
            means.push(predictor.marginal(point).mean);
            explained.push(predictor.whitened().to_vec());
            Arch::new()
                .dispatch(|| kernel.row(&gp.layout.bent(point), &columns, (0, m), &mut row, &mut scratch));
            for j in 0..=i {
                let shared: f64 = explained[i].iter().zip(&explained[j]).map(|(a, b)| a * b).sum();
                let value = gp.variance * (row[j] - shared);
                covariance[(i, j)] = value;
                covariance[(j, i)] = value;
            }
        }
        for jitter in JITTER {
            let mut factor = covariance.clone();
            for i in 0..m {
                factor[(i, i)] += jitter * gp.variance;
            }
            if cholesky(&mut factor) {
                return Some(Self { means, factor });
            }
        }
        None
    }

    /// The values of one draw, made of as many standard normals as there are points.
    pub(crate) fn draw(&self, normals: &[f64]) -> Vec<f64> {
        let m = self.means.len();
        let mut x = vec![0.0; padded(m)];
        x[..m].copy_from_slice(normals);
        let mut out = vec![0.0; padded(m)];
        Arch::new().dispatch(|| multiply(&self.factor, &x, &mut out));
        out.truncate(m);
        out.iter_mut().zip(&self.means).for_each(|(value, mean)| *value += mean);
        out
    }
}
