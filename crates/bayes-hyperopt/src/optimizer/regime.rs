//! Kinds of model and the choice among them by evidence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::subset::Data;

use crate::KernelKind;
use crate::gp::{Gp, NoiseKind, Prior, Problem, Targets, Warp, Workspace};
use crate::kernel::{Kernel, Layout, Shape, Smoothness, Structure};
use crate::maximize::lbfgs::{Limits, minimize};

/// Nugget of models that pass through the data, as a share of the signal's variance.
const NUGGET: f64 = 1e-12;

/// One kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Regime {
    pub(crate) structure: Structure,
    pub(crate) smoothness: Smoothness,
    pub(crate) noise: NoiseKind,
    pub(crate) warp: Warp,
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { structure, smoothness, noise, warp } = self;
        write!(f, "{structure:?} {smoothness:?}, noise {noise:?}, losses {warp:?}")
    }
}

impl Regime {
    pub(crate) fn new(kernel: KernelKind) -> Self {
        let smoothness = match kernel {
            KernelKind::Matern32 => Smoothness::Matern32,
            KernelKind::Rbf => Smoothness::Rbf,
            KernelKind::Matern52 | KernelKind::Linear => Smoothness::Matern52,
        };
        Self { structure: Structure::Radial, smoothness, noise: NoiseKind::Fixed, warp: Warp::Plain }
    }

    /// Whether the parameters of one fit those of the other.
    fn shares_parameters(self, other: Self) -> bool {
        (self.structure, self.smoothness, self.noise) == (other.structure, other.smoothness, other.noise)
    }

    /// The kinds that differ in one respect.
    fn near(self, dimensions: usize) -> Vec<Self> {
        let mut near = Vec::new();
        for noise in [NoiseKind::Fixed, NoiseKind::Inferred] {
            near.push(Self { noise, ..self });
        }
        for smoothness in [Smoothness::Rbf, Smoothness::Matern52, Smoothness::Matern32] {
            near.push(Self { smoothness, ..self });
        }
        for structure in [Structure::Additive, Structure::Radial] {
            if dimensions > 1 {
                near.push(Self { structure, ..self });
            }
        }
        near.extend(self.warp.near().into_iter().map(|warp| Self { warp, ..self }));
        near.retain(|regime| *regime != self);
        near
    }
}

/// What the search for a model remembers between suggestions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    champion: Regime,
    /// The last parameters of each kind fitted.
    fitted: Vec<(Regime, Vec<f64>)>,
    /// Counts the challenges.
    turn: usize,
}

/// A fitted model with the bend of its targets.
pub(crate) struct Model {
    pub(crate) gp: Gp,
    pub(crate) regime: Regime,
    pub(crate) targets: Targets,
    /// ln of the posterior density at the parameters, in the units of the losses.
    pub(crate) evidence: f64,
}

impl Memory {
    pub(crate) fn new(regime: Regime) -> Self {
        Self { champion: regime, fitted: Vec::new(), turn: 0 }
    }

    /// Takes up what another memory holds, unless there is something already.
    pub(super) fn begin_like(&mut self, other: &Self) {
        if self.fitted.is_empty() {
            self.clone_from(other);
        }
    }

    /// Fits the champion to the data, lets `challenges` other kinds try to explain them better, and gives the winner.
    ///
    /// `None` when no model can be made of the data.
    pub(crate) fn fit(
        &mut self,
        layout: &Layout,
        columns: &[Vec<f64>],
        losses: &[f64],
        challenges: usize,
    ) -> Option<Model> {
        let mut w = Workspace::new(losses.len());
        let mut best = self.fit_one(self.champion, layout, columns, losses, &mut w);
        for _ in 0..challenges {
            let near = self.champion.near(layout.len());
            let challenger = near[self.turn % near.len()];
            self.turn += 1;
            let found = self.fit_one(challenger, layout, columns, losses, &mut w);
            let evidence = |fit: &Option<(Fit, f64)>| fit.as_ref().map_or(f64::NEG_INFINITY, |f| f.1);
            if evidence(&found) > evidence(&best) {
                self.champion = challenger;
                best = found;
            }
        }
        let (fit, evidence) = best?;
        fit.into_model(evidence, layout, columns, &mut w)
    }

    /// The champion's model of many data: parameters from a subset, predictions from as many as can be.
    pub(super) fn model(&mut self, layout: &Layout, data: &Data, challenges: usize) -> Option<Model> {
        let Some(part) = data.to_learn() else {
            return self.fit(layout, &data.columns, &data.losses, challenges);
        };
        let learnt = self.fit(layout, &part.columns, &part.losses, challenges)?;
        learnt.over(layout, data)
    }

    fn fit_one(
        &mut self,
        regime: Regime,
        layout: &Layout,
        columns: &[Vec<f64>],
        losses: &[f64],
        w: &mut Workspace,
    ) -> Option<(Fit, f64)> {
        let targets = Targets::new(losses, regime.warp);
        let prior = Prior::new(layout, regime.structure, regime.noise);
        let problem = problem(layout, columns, regime, &prior, &targets.z);
        let known = self.fitted.iter().position(|(kind, _)| kind.shares_parameters(regime));
        let (start, evaluations) = match known {
            Some(place) => (self.fitted[place].1.clone(), 15),
            None => (self.like(regime, &prior, layout), 40),
        };
        let limits = Limits { evaluations, gain: 1e-5, gradient: 1e-3, first_step: 0.5 };
        let f = |theta: &[f64], gradient: &mut [f64]| problem.negative_log_posterior(theta, gradient, w);
        let (theta, value) = minimize(f, &start, &prior.low, &prior.high, limits);
        if !value.is_finite() {
            return None;
        }
        let evidence = targets.log_jacobian - value;
        match known {
            Some(place) => self.fitted[place] = (regime, theta.clone()),
            None => self.fitted.push((regime, theta.clone())),
        }
        Some((Fit { regime, theta, targets }, evidence))
    }

    /// The start of a kind not fitted before: what it shares with the champion, else the prior's.
    fn like(&self, regime: Regime, prior: &Prior, layout: &Layout) -> Vec<f64> {
        let mut start = prior.start.clone();
        let champion = self.fitted.iter().find(|(kind, _)| kind.shares_parameters(self.champion));
        if let Some((kind, theta)) = champion
            && kind.structure == regime.structure
        {
            let shared = Kernel::parameters(layout, regime.structure);
            start[..shared].copy_from_slice(&theta[..shared]);
        }
        start
    }
}

impl Model {
    /// The same parameters over other data.
    fn over(self, layout: &Layout, data: &Data) -> Option<Self> {
        let p = layout.len();
        let inverse: Vec<f64> = self.gp.theta[..p].iter().map(|l| libm::exp(-l)).collect();
        let part = data.to_predict(&inverse);
        let data = part.as_ref().unwrap_or(data);
        let targets = Targets::new(&data.losses, self.regime.warp);
        let fit = Fit { regime: self.regime, theta: self.gp.theta, targets };
        fit.into_model(self.evidence, layout, &data.columns, &mut Workspace::new(data.losses.len()))
    }
}

struct Fit {
    regime: Regime,
    theta: Vec<f64>,
    targets: Targets,
}

impl Fit {
    fn into_model(
        self,
        evidence: f64,
        layout: &Layout,
        columns: &[Vec<f64>],
        w: &mut Workspace,
    ) -> Option<Model> {
        let prior = Prior::new(layout, self.regime.structure, self.regime.noise);
        let problem = problem(layout, columns, self.regime, &prior, &self.targets.z);
        let gp = Gp::new(&problem, &self.theta, w)?;
        Some(Model { gp, regime: self.regime, targets: self.targets, evidence })
    }
}

fn problem<'a>(
    layout: &'a Layout,
    columns: &'a [Vec<f64>],
    regime: Regime,
    prior: &'a Prior,
    z: &'a [f64],
) -> Problem<'a> {
    let shape = Shape::new(regime.structure, regime.smoothness);
    Problem { layout, shape, noise: regime.noise, nugget: NUGGET, prior, columns, z }
}
