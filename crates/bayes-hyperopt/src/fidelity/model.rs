use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::full::CHALLENGES;
use crate::gp::{Gp, NoiseKind, Problem, Targets, Workspace};
use crate::kernel::Layout;
use crate::optimizer::memory::{Memory, Model};
use crate::optimizer::regime::Regime;
use crate::optimizer::subset::Data;
use crate::{KernelKind, SearchSpace};

/// Rows up to which every suggestion fits anew.
const EVERY: usize = 40;
/// Growth after which a larger model is fitted anew.
const GROWTH: f64 = 1.1;
/// Fits after which another frame is tried.
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
}

/// How the rows are shown to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Frame {
    scale: Scale,
    /// Whether each level's losses are moved by what points gained on the way up.
    aligned: bool,
}

const FRAMES: [Frame; 4] = [
    Frame { scale: Scale::Linear, aligned: false },
    Frame { scale: Scale::Log, aligned: false },
    Frame { scale: Scale::Linear, aligned: true },
    Frame { scale: Scale::Log, aligned: true },
];

/// What is known of the kind of model and its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fits {
    /// The frame in use, by its place in [`FRAMES`].
    frame: usize,
    /// One a frame.
    memories: Vec<Memory>,
    count: usize,
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
        Self { frame: 0, memories: vec![memory; FRAMES.len()], count: 0, last: None }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.frame < FRAMES.len() && self.memories.len() == FRAMES.len()
    }

    /// The model of what was told; `None` when no model can be made of it.
    pub(super) fn model(&mut self, space: &SearchSpace, shares: &[f64], rows: &Rows) -> Option<Joint> {
        let layout = Layout::new(space).and_one();
        let n = rows.told.values().filter(|row| row.loss.is_some()).count();
        let due = |last: usize| n <= EVERY || n as f64 >= GROWTH * last as f64;
        let scale = FRAMES[self.frame].scale;
        if let Some((at, regime, theta)) = &self.last
            && !due(*at)
        {
            let data = view(space, shares, rows, FRAMES[self.frame]);
            return frozen(&layout, &data, *regime, theta, scale);
        }
        let mut best = self.fit(self.frame, &layout, space, shares, rows);
        let evidence = |model: &Option<Model>, frame: usize| {
            // The shifts of the levels are parameters found from the same rows.
            let shifts = if FRAMES[frame].aligned { (shares.len() - 1) as f64 } else { 0.0 };
            model.as_ref().map_or(f64::NEG_INFINITY, |m| m.evidence) - 0.5 * shifts * (n as f64).ln()
        };
        let turn = self.count / TURN % FRAMES.len();
        let challengers = match self.count {
            0 => 0..FRAMES.len(),
            count if count.is_multiple_of(TURN) => turn..turn + 1,
            _ => 0..0,
        };
        for frame in challengers.filter(|frame| *frame != self.frame).collect::<Vec<_>>() {
            let found = self.fit(frame, &layout, space, shares, rows);
            if evidence(&found, frame) > evidence(&best, self.frame) {
                (self.frame, best) = (frame, found);
            }
        }
        self.count += 1;
        let Model { gp, regime, targets, .. } = best?;
        self.last = Some((n, regime, gp.theta.clone()));
        Some(Joint { gp, noise: regime.noise, scale: FRAMES[self.frame].scale, targets })
    }

    fn fit(
        &mut self,
        frame: usize,
        layout: &Layout,
        space: &SearchSpace,
        shares: &[f64],
        rows: &Rows,
    ) -> Option<Model> {
        let data = view(space, shares, rows, FRAMES[frame]);
        if data.losses.len() < 3 {
            return None;
        }
        self.memories[frame].fit(layout, &data, CHALLENGES)
    }
}

/// The model with parameters found before.
fn frozen(layout: &Layout, data: &Data, regime: Regime, theta: &[f64], scale: Scale) -> Option<Joint> {
    let targets = Targets::new(&data.losses, regime.warp);
    let prior = regime.prior(layout);
    let shape = crate::kernel::Shape::new(regime.structure, regime.smoothness);
    let (noise, columns, z) = (regime.noise, &data.columns, &targets.z);
    let problem = Problem { layout, shape, noise, nugget: NUGGET, prior: &prior, columns, z };
    let gp = Gp::new(&problem, theta, &mut Workspace::new(data.losses.len()))?;
    Some(Joint { gp, noise: regime.noise, scale, targets })
}

/// Features with that of the fidelity last, and losses, of the rows that have one.
fn view(space: &SearchSpace, shares: &[f64], rows: &Rows, frame: Frame) -> Data {
    let mut data = Data { columns: vec![Vec::new(); space.len() + 1], losses: Vec::new() };
    let shifts = if frame.aligned { rows.shifts(shares.len()) } else { vec![0.0; shares.len()] };
    for row in rows.told.values() {
        let Some(loss) = row.loss else { continue };
        let feature = frame.scale.feature(shares, row.level);
        let features: Vec<f64> = row.features.iter().copied().chain([feature]).collect();
        data.push(&features, loss + shifts[row.level]);
    }
    data
}
