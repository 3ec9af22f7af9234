//! Covariances over features: numeric, categorical and conditional parameters in one family.
//!
//! Every parameter has a factor z(x, x') in (0, 1]: a one-dimensional stationary kernel, exp(-[c != c'] / l) for choices,
//! and for conditional ones kappa + (1 - kappa) z where both are active, 1 where neither is, kappa where one is. Each is a
//! kernel (a sum of products of kernels), hence so are their products and the sums below.

mod bend;
pub(crate) mod lanes;
mod row;
mod shape;

use crate::{INACTIVE, SearchSpace};

pub(crate) use bend::Bend;
pub(crate) use row::Scratch;
pub(crate) use shape::{Shape, Smoothness, Structure};

/// How the feature of one parameter enters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub(crate) categorical: bool,
    /// Position of its kappa among the parameters, where it is conditional.
    pub(crate) kappa: Option<usize>,
    /// Width of its range in the units lengthscales are believed in: 1, or the user's own.
    pub(crate) span: f64,
}

/// What the kernel needs to know of a space: one factor a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) factors: Vec<Factor>,
    /// Factors outside of the radial group: categorical or conditional.
    pub(crate) separate: Vec<usize>,
    /// Factors of the radial group: numeric and always active.
    pub(crate) radial: Vec<usize>,
    pub(crate) kappas: usize,
    /// One a factor, or none at all.
    pub(crate) bends: Vec<Bend>,
}

impl Layout {
    pub(crate) fn new(space: &SearchSpace) -> Self {
        let p = space.len();
        let mut kappas = 0;
        let factors: Vec<Factor> = space
            .parameters()
            .iter()
            .map(|parameter| {
                let kappa = parameter.when.is_some().then(|| {
                    kappas += 1;
                    p + kappas - 1
                });
                Factor { categorical: parameter.domain.is_categorical(), kappa, span: 1.0 }
            })
            .collect();
        let is_radial = |i: &usize| !factors[*i].categorical && factors[*i].kappa.is_none();
        let radial = (0..p).filter(is_radial).collect();
        let separate = (0..p).filter(|i| !is_radial(i)).collect();
        Self { factors, separate, radial, kappas, bends: Vec::new() }
    }

    /// The same with lengthscales believed in the units of the parameters (of their logarithms, where these are searched).
    pub(crate) fn in_own_units(mut self, space: &SearchSpace) -> Self {
        for (factor, parameter) in self.factors.iter_mut().zip(space.parameters()) {
            factor.span = parameter.domain.span().clamp(1e-9, 1e9);
        }
        self
    }

    /// The same with one more feature, a number that is always there, as a factor of its own.
    pub(crate) fn and_one(mut self) -> Self {
        for factor in &mut self.factors {
            factor.kappa = factor.kappa.map(|place| place + 1);
        }
        self.separate.push(self.factors.len());
        self.factors.push(Factor { categorical: false, kappa: None, span: 1.0 });
        self
    }

    /// Number of features.
    pub(crate) fn len(&self) -> usize {
        self.factors.len()
    }
}

/// A kernel with its parameters: ln of the lengthscales, logits of the kappas, and two logits of the shares of first and
/// second order in additive structures.
#[derive(Clone, Debug)]
pub(crate) struct Kernel<'a> {
    layout: &'a Layout,
    shape: Shape,
    /// 1 / l^2 for numeric factors, exp(-1 / l) for categorical ones.
    scales: Vec<f64>,
    /// 1 / l.
    inverse: Vec<f64>,
    kappas: Vec<f64>,
    /// Shares of order one, order two, and all orders.
    shares: [f64; 3],
}

impl<'a> Kernel<'a> {
    /// Number of parameters of such a kernel.
    pub(crate) fn parameters(layout: &Layout, structure: Structure) -> usize {
        layout.len() + layout.kappas + if structure == Structure::Additive { 2 } else { 0 }
    }

    pub(crate) fn new(layout: &'a Layout, shape: Shape, parameters: &[f64]) -> Self {
        let p = layout.len();
        let inverse: Vec<f64> = parameters[..p].iter().map(|l| libm::exp(-l)).collect();
        let scale = |(factor, inverse): (&Factor, &f64)| {
            if factor.categorical { libm::exp(-inverse) } else { inverse * inverse }
        };
        let scales = layout.factors.iter().zip(&inverse).map(scale).collect();
        let kappas = parameters[p..p + layout.kappas].iter().map(|t| 1.0 / (1.0 + libm::exp(-t))).collect();
        let shares = match shape.structure {
            Structure::Radial | Structure::Linear => [0.0, 0.0, 1.0],
            Structure::Additive => {
                let first = libm::exp(parameters[p + layout.kappas]);
                let second = libm::exp(parameters[p + layout.kappas + 1]);
                let total = 1.0 + first + second;
                [first / total, second / total, 1.0 / total]
            }
        };
        Self { layout, shape, scales, inverse, kappas, shares }
    }

    /// The covariance of `x` with itself; 1 but for linear functions.
    pub(crate) fn diagonal(&self, x: &[f64]) -> f64 {
        let square = |d: &usize| self.scales[*d] * centred(x[*d]) * centred(x[*d]);
        1.0 + self.slopes().map(|d| square(&d)).sum::<f64>()
    }

    /// Adds `by` times the derivative of [`Self::diagonal`] by the point.
    pub(crate) fn add_diagonal_gradient(&self, x: &[f64], by: f64, gradient: &mut [f64]) {
        for d in self.slopes() {
            gradient[d] += by * 4.0 * self.scales[d] * centred(x[d]);
        }
    }

    /// Adds `by` times the derivative of [`Self::diagonal`] by the parameters.
    pub(crate) fn add_diagonal_parameter_gradient(&self, x: &[f64], by: f64, gradient: &mut [f64]) {
        for d in self.slopes() {
            gradient[d] -= by * 2.0 * self.scales[d] * centred(x[d]) * centred(x[d]);
        }
    }

    /// Parameters that enter by their product.
    fn slopes(&self) -> impl Iterator<Item = usize> + '_ {
        let linear = self.shape.structure == Structure::Linear;
        self.layout.radial.iter().copied().filter(move |_| linear)
    }

    fn kappa(&self, factor: Factor) -> f64 {
        factor.kappa.map_or(0.0, |k| self.kappas[k - self.layout.len()])
    }
}

/// A feature on [-1, 1].
pub(crate) fn centred(feature: f64) -> f64 {
    2.0 * feature - 1.0
}

/// Whether a feature belongs to an active parameter.
pub(crate) fn is_active(feature: f64) -> bool {
    feature > 0.5 * INACTIVE
}

impl Shape {
    pub(crate) fn new(structure: Structure, smoothness: Smoothness) -> Self {
        Self { structure, smoothness }
    }
}
