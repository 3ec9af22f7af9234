//! A fitted process: predictions with gradients, and one more point in O(n^2).

use nalgebra::DMatrix;
use pulp::Arch;

use super::dense::{multiply, multiply_transposed, padded, zeros};
use super::objective::{Problem, SCALE, SHAPE, Workspace};
use crate::kernel::{Kernel, Layout, Scratch, Shape};

/// Rounding leaves no variance smaller than this share of the signal's.
const LEAST_VARIANCE: f64 = 1e-14;

/// Mean and variance of the noiseless function at a point, in standardised units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Marginal {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// A process with its parameters fixed.
#[derive(Clone, Debug)]
pub(crate) struct Gp {
    pub(crate) layout: Layout,
    pub(crate) shape: Shape,
    pub(crate) theta: Vec<f64>,
    pub(crate) nugget: f64,
    /// The constant mean and the variance of the signal.
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    columns: Vec<Vec<f64>>,
    z: Vec<f64>,
    inverse: DMatrix<f64>,
    alpha: Vec<f64>,
}

impl Gp {
    /// The process of `problem` at `theta`; `None` where the matrix cannot be factored. O(n^3).
    pub(crate) fn new(problem: &Problem<'_>, theta: &[f64], w: &mut Workspace) -> Option<Self> {
        let solved = problem.solve(theta, w)?;
        Some(Self {
            layout: problem.layout.clone(),
            shape: problem.shape,
            theta: theta.to_vec(),
            nugget: solved.nugget,
            mean: solved.mean,
            variance: solved.variance,
            columns: problem.columns.to_vec(),
            z: problem.z.to_vec(),
            inverse: w.inverse.clone(),
            alpha: w.alpha.clone(),
        })
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.z.len()
    }

    /// Features of the `i`-th point.
    pub(crate) fn point(&self, i: usize) -> Vec<f64> {
        self.columns.iter().enumerate().map(|(d, column)| self.layout.back(d, column[i])).collect()
    }

    /// Features of the `count` points with the least targets, best first.
    pub(crate) fn best_points(&self, count: usize) -> Vec<Vec<f64>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|a, b| self.z[*a].total_cmp(&self.z[*b]));
        order.iter().take(count).map(|i| self.point(*i)).collect()
    }

    /// Features of all points as distances see them, one slice a feature.
    pub(crate) fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// Targets of all points.
    pub(crate) fn targets(&self) -> &[f64] {
        &self.z
    }

    /// One more point with target `z`, or with what is expected there; the parameters stay. O(n^2).
    pub(crate) fn append(&mut self, x: &[f64], z: Option<f64>) {
        let n = self.len();
        let rows = padded(n + 1);
        let (z, tail, v) = {
            let mut predictor = self.predictor();
            let expected = predictor.marginal(x).mean;
            let v = predictor.v.clone();
            let left = predictor.kernel.diagonal(&predictor.at) + self.nugget
                - v[..n].iter().map(|v| v * v).sum::<f64>();
            (z.unwrap_or(expected), left.max(self.nugget.max(1e-12)).sqrt(), v)
        };
        // The new row of the inverse factor is (-v^T L^-1, 1) / tail.
        let mut row = vec![0.0; padded(n)];
        multiply_transposed(&self.inverse, &v, &mut row);
        let mut inverse = zeros(n + 1);
        for (j, row) in row[..n].iter().enumerate() {
            let column = &mut inverse.as_mut_slice()[j * rows..(j + 1) * rows];
            column[..n].copy_from_slice(&self.inverse.as_slice()[j * padded(n)..j * padded(n) + n]);
            column[n] = -row / tail;
        }
        inverse[(n, n)] = 1.0 / tail;
        self.inverse = inverse;
        for (d, (column, x)) in self.columns.iter_mut().zip(x).enumerate() {
            column.truncate(n);
            column.push(self.layout.forth(d, *x));
        }
        self.z.push(z);
        self.set_targets(None);
    }

    /// Mean and variance at point `i` had it not been told, and the variance of its noise included (Rasmussen & Williams
    /// 5.12).
    pub(crate) fn leave_one_out(&self, i: usize) -> Marginal {
        let n = self.len();
        let rows = padded(n);
        let column = &self.inverse.as_slice()[i * rows..i * rows + n];
        let diagonal: f64 = column.iter().map(|x| x * x).sum();
        Marginal { mean: self.z[i] - self.alpha[i] / diagonal, variance: self.variance / diagonal }
    }

    /// Solves anew for the mean, the variance and the weights, with other targets where given. O(n^2).
    pub(crate) fn set_targets(&mut self, z: Option<&[f64]>) {
        if let Some(z) = z {
            self.z.copy_from_slice(z);
        }
        let n = self.len();
        let solve = |right: &dyn Fn(usize) -> f64| {
            let mut x = vec![0.0; padded(n)];
            (0..n).for_each(|i| x[i] = right(i));
            let mut buffer = vec![0.0; padded(n)];
            multiply(&self.inverse, &x, &mut buffer);
            multiply_transposed(&self.inverse, &buffer, &mut x);
            x
        };
        let ones = solve(&|_| 1.0);
        let mut alpha = solve(&|i| self.z[i]);
        self.mean = alpha[..n].iter().sum::<f64>() / ones[..n].iter().sum::<f64>();
        alpha.iter_mut().zip(&ones).for_each(|(a, q)| *a -= self.mean * q);
        let square: f64 = alpha.iter().zip(&self.z).map(|(a, z)| a * (z - self.mean)).sum();
        self.variance = (0.5 * square + 0.5 * SCALE) / (0.5 * n as f64 + SHAPE + 1.0);
        self.alpha = alpha;
    }

    /// What predicts without allocating.
    pub(crate) fn predictor(&self) -> Predictor<'_> {
        let rows = padded(self.len());
        Predictor {
            gp: self,
            kernel: Kernel::new(&self.layout, self.shape, &self.theta),
            k: vec![0.0; rows],
            v: vec![0.0; rows],
            u: vec![0.0; rows],
            at: Vec::new(),
            slopes: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

/// Predictions of one process, with buffers.
pub(crate) struct Predictor<'a> {
    gp: &'a Gp,
    kernel: Kernel<'a>,
    k: Vec<f64>,
    v: Vec<f64>,
    u: Vec<f64>,
    /// The point as distances see it, and a gradient by it.
    at: Vec<f64>,
    slopes: Vec<f64>,
    scratch: Scratch,
}

impl Predictor<'_> {
    /// Mean and variance at the features `x`. O(n^2 / 2).
    pub(crate) fn marginal(&mut self, x: &[f64]) -> Marginal {
        let (gp, n) = (self.gp, self.gp.len());
        self.place(x);
        Arch::new().dispatch(
            #[inline(always)]
            || {
                self.kernel.row(&self.at, &gp.columns, (0, n), &mut self.k, &mut self.scratch);
                multiply(&gp.inverse, &self.k, &mut self.v);
            },
        );
        let mean = gp.mean + self.k[..n].iter().zip(&gp.alpha).map(|(k, a)| k * a).sum::<f64>();
        let explained: f64 = self.v[..n].iter().map(|v| v * v).sum();
        Marginal {
            mean,
            variance: gp.variance * (self.kernel.diagonal(&self.at) - explained).max(LEAST_VARIANCE),
        }
    }

    /// The mean at the features `x`. O(n).
    pub(crate) fn mean(&mut self, x: &[f64]) -> f64 {
        let (gp, n) = (self.gp, self.gp.len());
        self.place(x);
        Arch::new().dispatch(
            #[inline(always)]
            || self.kernel.row(&self.at, &gp.columns, (0, n), &mut self.k, &mut self.scratch),
        );
        gp.mean + self.k[..n].iter().zip(&gp.alpha).map(|(k, a)| k * a).sum::<f64>()
    }

    /// Adds `by` dmean/dx to `gradient`, at the point of the last [`Self::mean`] or [`Self::marginal`]. O(n).
    pub(crate) fn add_mean_gradient(&mut self, x: &[f64], by: f64, gradient: &mut [f64]) {
        let (gp, n) = (self.gp, self.gp.len());
        Arch::new().dispatch(
            #[inline(always)]
            || {
                self.u[..n].iter_mut().zip(&gp.alpha).for_each(|(u, a)| *u = by * a);
                let (k, u, slopes) = (&self.k, &self.u, &mut self.slopes);
                self.kernel.input_gradient(&self.at, n, k, u, slopes, &mut self.scratch);
            },
        );
        self.chain(x, gradient);
    }

    /// The last row of kernel values times the inverse factor: its products with another are what both points know.
    pub(super) fn whitened(&self) -> &[f64] {
        &self.v[..self.gp.len()]
    }

    /// Adds `by_mean` dmean/dx + `by_variance` dvariance/dx to `gradient`, at the point of the last [`Self::marginal`].
    pub(crate) fn add_gradient(&mut self, x: &[f64], by_mean: f64, by_variance: f64, gradient: &mut [f64]) {
        let (gp, n) = (self.gp, self.gp.len());
        let factor = -2.0 * by_variance * gp.variance;
        self.kernel.add_diagonal_gradient(&self.at, by_variance * gp.variance, &mut self.slopes);
        Arch::new().dispatch(
            #[inline(always)]
            || {
                multiply_transposed(&gp.inverse, &self.v, &mut self.u);
                for (u, a) in self.u[..n].iter_mut().zip(&gp.alpha) {
                    *u = by_mean * a + factor * *u;
                }
                let (k, u, slopes) = (&self.k, &self.u, &mut self.slopes);
                self.kernel.input_gradient(&self.at, n, k, u, slopes, &mut self.scratch);
            },
        );
        self.chain(x, gradient);
    }

    /// Takes up a point.
    fn place(&mut self, x: &[f64]) {
        self.at.clear();
        self.at.extend(x.iter().enumerate().map(|(d, x)| self.gp.layout.forth(d, *x)));
        self.slopes.clear();
        self.slopes.resize(x.len(), 0.0);
    }

    /// Moves the gradient by what distances see to that by the features.
    fn chain(&mut self, x: &[f64], gradient: &mut [f64]) {
        for (d, (slope, gradient)) in self.slopes.iter_mut().zip(gradient).enumerate() {
            *gradient += self.gp.layout.slope(d, x[d]) * std::mem::take(slope);
        }
    }
}
