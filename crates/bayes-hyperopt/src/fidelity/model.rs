use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::gp::{Gp, NoiseKind, Prior, Problem, Targets, Workspace};
use crate::kernel::Layout;
use crate::optimizer::regime::{Memory, Model, Regime};
use crate::{KernelKind, SearchSpace};

/// Kinds of model that try to replace the present one at each fit.
const CHALLENGES: usize = 2;
/// Rows up to which every suggestion fits anew.
const EVERY: usize = 40;
/// Growth after which a larger model is fitted anew.
const GROWTH: f64 = 1.1;
/// Fits after which the other scale of fidelities is tried.
const TURN: usize = 6;
/// Nugget of models that pass through the data.
const NUGGET: f64 = 1e-10;

/// How fidelities become a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scale {
    /// The fidelity itself.
    Linear,
    /// The logarithm, from 0 at the lowest level to 1.
    Log,
}

impl Scale {
    pub(super) fn feature(self, shares: &[f64], level: usize) -> f64 {
        match self {
            Self::Linear => shares[level],
            Self::Log if shares[0] < 1.0 => 1.0 - shares[level].ln() / shares[0].ln(),
            Self::Log => 1.0,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Linear => Self::Log,
            Self::Log => Self::Linear,
        }
    }
}

/// What is known of the kind of model and its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fits {
    pub(super) scale: Scale,
    linear: Memory,
    log: Memory,
    fits: usize,
    /// Rows at the last fit, with the kind and the parameters found.
    last: Option<(usize, Regime, Vec<f64>)>,
}

/// A model of losses over features and, last, the feature of the fidelity.
pub(super) struct Joint {
    pub(super) gp: Gp,
    pub(super) noise: NoiseKind,
    pub(super) scale: Scale,
    /// Targets in the order of the rows with a loss.
    pub(super) targets: Targets,
}

impl Fits {
    pub(super) fn new(kernel: KernelKind) -> Self {
        let memory = Memory::new(Regime::new(kernel));
        Self { scale: Scale::Linear, linear: memory.clone(), log: memory, fits: 0, last: None }
    }

    /// The model of what was told; `None` when no model can be made of it.
    pub(super) fn model(&mut self, space: &SearchSpace, shares: &[f64], rows: &Rows) -> Option<Joint> {
        let layout = Layout::new(space).and_one();
        let losses: Vec<f64> = rows.told.values().filter_map(|row| row.loss).collect();
        let due = |last: usize| losses.len() <= EVERY || losses.len() as f64 >= GROWTH * last as f64;
        if let Some((at, regime, theta)) = &self.last
            && !due(*at)
        {
            return frozen(
                &layout,
                &columns(space, shares, rows, self.scale),
                &losses,
                *regime,
                theta,
                self.scale,
            );
        }
        let fit = |scale: Scale, memory: &mut Memory| {
            let columns = columns(space, shares, rows, scale);
            memory.fit(&layout, &columns, &losses, CHALLENGES)
        };
        let (linear, log) = (&mut self.linear, &mut self.log);
        let (mine, others) = match self.scale {
            Scale::Linear => (linear, log),
            Scale::Log => (log, linear),
        };
        let mut model = fit(self.scale, mine);
        if self.fits.is_multiple_of(TURN) {
            let challenger = fit(self.scale.other(), others);
            let evidence = |model: &Option<Model>| model.as_ref().map_or(f64::NEG_INFINITY, |m| m.evidence);
            if evidence(&challenger) > evidence(&model) {
                (self.scale, model) = (self.scale.other(), challenger);
            }
        }
        self.fits += 1;
        let Model { gp, regime, targets, .. } = model?;
        self.last = Some((losses.len(), regime, gp.theta.clone()));
        Some(Joint { gp, noise: regime.noise, scale: self.scale, targets })
    }
}

/// The model with parameters found before.
fn frozen(
    layout: &Layout,
    columns: &[Vec<f64>],
    losses: &[f64],
    regime: Regime,
    theta: &[f64],
    scale: Scale,
) -> Option<Joint> {
    let targets = Targets::new(losses, regime.warp);
    let prior = Prior::new(layout, regime.structure, regime.noise);
    let shape = crate::kernel::Shape::new(regime.structure, regime.smoothness);
    let problem =
        Problem { layout, shape, noise: regime.noise, nugget: NUGGET, prior: &prior, columns, z: &targets.z };
    let gp = Gp::new(&problem, theta, &mut Workspace::new(losses.len()))?;
    Some(Joint { gp, noise: regime.noise, scale, targets })
}

fn columns(space: &SearchSpace, shares: &[f64], rows: &Rows, scale: Scale) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); space.len() + 1];
    for row in rows.told.values().filter(|row| row.loss.is_some()) {
        let feature = scale.feature(shares, row.level);
        columns.iter_mut().zip(row.features.iter().chain([&feature])).for_each(|(c, f)| c.push(*f));
    }
    columns
}
