//! Kinds of model.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::KernelKind;
use crate::gp::{Breadth, NoiseKind, Prior, Warp};
use crate::kernel::{Layout, Smoothness, Structure};

/// One kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Regime {
    pub(crate) structure: Structure,
    pub(crate) smoothness: Smoothness,
    pub(crate) noise: NoiseKind,
    pub(crate) warp: Warp,
    #[serde(default)]
    pub(crate) breadth: Breadth,
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { structure, smoothness, noise, warp, breadth } = self;
        write!(f, "{structure:?} {smoothness:?}, lengthscales {breadth:?}, noise {noise:?}, losses {warp:?}")
    }
}

impl Regime {
    pub(crate) fn new(kernel: KernelKind) -> Self {
        let smoothness = match kernel {
            KernelKind::Matern32 => Smoothness::Matern32,
            KernelKind::Rbf => Smoothness::Rbf,
            KernelKind::Matern52 | KernelKind::Linear => Smoothness::Matern52,
        };
        let (warp, breadth) = (Warp::Plain, Breadth::Narrow);
        let (structure, noise) = match kernel {
            KernelKind::Linear => (Structure::Linear, NoiseKind::Inferred),
            _ => (Structure::Radial, NoiseKind::Fixed),
        };
        Self { structure, smoothness, noise, warp, breadth }
    }

    pub(crate) fn prior(self, layout: &Layout) -> Prior {
        Prior::new(layout, self.structure, self.noise, self.breadth)
    }

    /// A smooth function with room for long lengthscales, and noise.
    pub(super) fn bowl(warp: Warp) -> Self {
        let (noise, breadth) = (NoiseKind::Inferred, Breadth::Wide);
        Self { noise, warp, breadth, ..Self::new(KernelKind::Rbf) }
    }

    /// Whether it takes what is rough for noise.
    pub(super) fn is_smooth(self) -> bool {
        self.noise == NoiseKind::Inferred && self.smoothness == Smoothness::Rbf
    }

    /// Whether the parameters of one fit those of the other.
    pub(super) fn shares_parameters(self, other: Self) -> bool {
        Self { warp: other.warp, ..self } == other
    }

    /// The kinds that differ in one respect; a linear kernel stays, and noise takes what it cannot explain.
    pub(super) fn near(self, dimensions: usize) -> Vec<Self> {
        let mut near = Vec::new();
        if self.structure == Structure::Linear {
            return self.warp.near().into_iter().map(|warp| Self { warp, ..self }).collect();
        }
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
        for breadth in [Breadth::Wide, Breadth::Narrow] {
            near.push(Self { breadth, ..self });
        }
        near.extend(self.warp.near().into_iter().map(|warp| Self { warp, ..self }));
        near.retain(|regime| *regime != self);
        near
    }

    /// Kinds that no walk in steps of one respect may find: each is good where the kinds around it are not.
    pub(super) fn landmarks(dimensions: usize) -> Vec<Self> {
        let polynomial = Self { breadth: Breadth::Wide, ..Self::new(KernelKind::Rbf) };
        let bowl = Self::bowl(Warp::Plain);
        let bent = Self { warp: Warp::Log(1), ..Self::new(KernelKind::Rbf) };
        let sum = |regime| Self { structure: Structure::Additive, ..regime };
        let mut landmarks = vec![polynomial, bowl, bent, Self::new(KernelKind::Matern52)];
        if dimensions > 1 {
            landmarks.extend([sum(polynomial), sum(Self::new(KernelKind::Matern52))]);
        }
        landmarks
    }
}
