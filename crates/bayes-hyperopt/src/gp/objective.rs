//! The posterior density of kernel parameters and its gradient.

use nalgebra::DMatrix;
use pulp::Arch;

use super::dense::{cholesky, gram, invert_lower, multiply, multiply_transposed, padded, zeros};
use super::prior::{NoiseKind, Prior};
use crate::kernel::{Kernel, Layout, Scratch, Shape, Structure};

/// Inverse-gamma prior of the signal's variance: shape 1, scale 2, so that its mode is 1.
pub(super) const SHAPE: f64 = 1.0;
pub(super) const SCALE: f64 = 2.0;

/// The data and the kind of model whose parameters are sought.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) shape: Shape,
    pub(crate) noise: NoiseKind,
    /// Nugget of fixed noise, as a share of the signal's variance.
    pub(crate) nugget: f64,
    pub(crate) prior: &'a Prior,
    /// One slice a feature.
    pub(crate) columns: &'a [Vec<f64>],
    /// Standardised targets.
    pub(crate) z: &'a [f64],
}

/// Buffers of one size, kept between evaluations.
pub(crate) struct Workspace {
    pub(super) factor: DMatrix<f64>,
    pub(super) inverse: DMatrix<f64>,
    whole: DMatrix<f64>,
    covariances: Vec<f64>,
    weights: Vec<f64>,
    pub(super) alpha: Vec<f64>,
    ones: Vec<f64>,
    buffer: Vec<f64>,
    scratch: Scratch,
}

impl Workspace {
    pub(crate) fn new(n: usize) -> Self {
        let rows = padded(n);
        Self {
            factor: zeros(n),
            inverse: zeros(n),
            whole: zeros(n),
            covariances: vec![0.0; rows],
            weights: vec![0.0; rows],
            alpha: vec![0.0; rows],
            ones: vec![0.0; rows],
            buffer: vec![0.0; rows],
            scratch: Scratch::default(),
        }
    }
}

/// What a solved system leaves beside the factor in its workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solved {
    /// The constant mean.
    pub(super) mean: f64,
    /// The signal's variance.
    pub(super) variance: f64,
    pub(super) nugget: f64,
    pub(super) half_log_det: f64,
}

impl Problem<'_> {
    fn n(&self) -> usize {
        self.z.len()
    }

    pub(super) fn nugget_of(&self, theta: &[f64]) -> f64 {
        match self.noise {
            NoiseKind::Fixed => self.nugget,
            NoiseKind::Inferred => libm::exp(theta[theta.len() - 1]),
        }
    }

    /// Factors the correlation matrix, inverts the factor, solves for the constant mean (generalised least squares) and the
    /// variance of the signal (its mode). O(n^3).
    pub(super) fn solve(&self, theta: &[f64], w: &mut Workspace) -> Option<Solved> {
        let n = self.n();
        let kernel = Kernel::new(self.layout, self.shape, theta);
        let rows = w.factor.nrows();
        let nugget = self.nugget_of(theta);
        let (factor, scratch) = (w.factor.as_mut_slice(), &mut w.scratch);
        let mut x = vec![0.0; self.columns.len()];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for j in 0..n {
                    x.iter_mut().zip(self.columns).for_each(|(x, column)| *x = column[j]);
                    let column = &mut factor[j * rows..(j + 1) * rows];
                    kernel.row(&x, self.columns, (j, n), column, scratch);
                    column[j] = kernel.diagonal(&x) + nugget;
                    column[n..].fill(0.0);
                }
            },
        );
        if !cholesky(&mut w.factor) {
            return None;
        }
        invert_lower(&w.factor, &mut w.inverse);
        let half_log_det: f64 = (0..n).map(|i| libm::log(w.factor[(i, i)])).sum();
        w.alpha.fill(0.0);
        w.ones[..n].fill(1.0);
        w.alpha[..n].copy_from_slice(self.z);
        let (inverse, alpha, ones, buffer) = (&w.inverse, &mut w.alpha, &mut w.ones, &mut w.buffer);
        Arch::new().dispatch(
            #[inline(always)]
            || {
                multiply(inverse, alpha, buffer);
                multiply_transposed(inverse, buffer, alpha);
                multiply(inverse, ones, buffer);
                multiply_transposed(inverse, buffer, ones);
            },
        );
        let mean = w.alpha[..n].iter().sum::<f64>() / w.ones[..n].iter().sum::<f64>();
        for (a, q) in w.alpha[..n].iter_mut().zip(&w.ones) {
            *a -= mean * q;
        }
        let square: f64 = w.alpha[..n].iter().zip(self.z).map(|(a, z)| a * (z - mean)).sum();
        let variance = (0.5 * square + 0.5 * SCALE) / (0.5 * n as f64 + SHAPE + 1.0);
        (variance > 0.0 && variance.is_finite() && mean.is_finite()).then_some(Solved {
            mean,
            variance,
            nugget,
            half_log_det,
        })
    }

    /// -ln posterior of `theta` (up to constants that depend on n alone), with its gradient; infinite where the matrix
    /// cannot be factored.
    ///
    /// The signal's variance is at its mode. Gradient: half the trace of (R^-1 - a a^T/s^2) dR (Rasmussen & Williams 5.9),
    /// contracted row by row, never as a product of matrices.
    pub(crate) fn negative_log_posterior(
        &self,
        theta: &[f64],
        gradient: &mut [f64],
        w: &mut Workspace,
    ) -> f64 {
        gradient.fill(0.0);
        let Some(solved) = self.solve(theta, w) else { return f64::INFINITY };
        let n = self.n();
        gram(&w.inverse, &mut w.whole);
        let kernel = Kernel::new(self.layout, self.shape, theta);
        let mut x = vec![0.0; self.columns.len()];
        let kernel_gradient = &mut gradient[..Kernel::parameters(self.layout, self.shape.structure)];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for j in 0..n.saturating_sub(1) {
                    x.iter_mut().zip(self.columns).for_each(|(x, column)| *x = column[j]);
                    let range = (j + 1, n);
                    kernel.row(&x, self.columns, range, &mut w.covariances, &mut w.scratch);
                    let scale = w.alpha[j] / solved.variance;
                    let weights = w.weights[j + 1..n].iter_mut();
                    let whole = &w.whole.as_slice()[j * w.whole.nrows()..];
                    for ((weight, inverse), alpha) in weights.zip(&whole[j + 1..n]).zip(&w.alpha[j + 1..n]) {
                        *weight = inverse - scale * alpha;
                    }
                    kernel.parameter_gradient(
                        &x,
                        self.columns,
                        range,
                        &w.covariances,
                        &w.weights,
                        kernel_gradient,
                        &mut w.scratch,
                    );
                }
            },
        );
        if self.shape.structure == Structure::Linear {
            for j in 0..n {
                x.iter_mut().zip(self.columns).for_each(|(x, column)| *x = column[j]);
                let weight = 0.5 * (w.whole[(j, j)] - w.alpha[j] * w.alpha[j] / solved.variance);
                kernel.add_diagonal_parameter_gradient(&x, weight, gradient);
            }
        }
        if self.noise == NoiseKind::Inferred {
            let trace: f64 =
                (0..n).map(|i| w.whole[(i, i)] - w.alpha[i] * w.alpha[i] / solved.variance).sum();
            gradient[theta.len() - 1] = 0.5 * solved.nugget * trace;
        }
        let fit = (0.5 * n as f64 + SHAPE + 1.0) * (libm::log(solved.variance) + 1.0);
        solved.half_log_det + fit + self.prior.penalty(theta, gradient)
    }
}
