//! Where evaluations succeed: a process over outcomes, 1 for a usable result and -1 for a failure or a violated constraint.

use super::memory::{Memory, Model};
use super::regime::Regime;
use super::subset::Data;
use crate::KernelKind;
use crate::gp::{NoiseKind, Predictor};
use crate::kernel::Layout;
use crate::maximize::Landscape;
use crate::numerics::log_distribution;

impl Regime {
    fn of_outcomes() -> Self {
        Self { noise: NoiseKind::Inferred, ..Self::new(KernelKind::Matern52) }
    }
}

/// A fresh memory for models of outcomes.
pub(super) fn memory() -> Memory {
    Memory::new(Regime::of_outcomes())
}

/// The model of outcomes; `None` while all are alike.
pub(super) fn fit(
    memory: &mut Memory,
    layout: &Layout,
    columns: Vec<Vec<f64>>,
    usable: &[bool],
) -> Option<Model> {
    if usable.iter().all(|u| *u) || !usable.iter().any(|u| *u) {
        return None;
    }
    let losses = usable.iter().map(|u| if *u { 1.0 } else { -1.0 }).collect();
    memory.fit(layout, &Data { columns, losses }, 0)
}

/// ln of the probability that a point can be used.
pub(super) struct Chance<'a> {
    predictor: Predictor<'a>,
    /// The target that stands for the label 0.
    threshold: f64,
    noise: f64,
}

impl<'a> Chance<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let (at_zero, slope) = model.targets.loss(0.0);
        let noise = model.gp.nugget * model.gp.variance;
        Self { predictor: model.gp.predictor(), threshold: -at_zero / slope, noise }
    }

    fn parts(&mut self, features: &[f64]) -> (f64, f64, f64) {
        let at = self.predictor.marginal(features);
        let variance = at.variance + self.noise;
        let sd = variance.sqrt();
        let z = (at.mean - self.threshold) / sd;
        let (value, hazard) = log_distribution(z);
        (value, hazard / sd, -0.5 * hazard * z / variance)
    }
}

impl Landscape for Chance<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        self.parts(features).0
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let (value, by_mean, by_variance) = self.parts(features);
        self.predictor.add_gradient(features, by_mean, by_variance, gradient);
        value
    }
}
