//! What one suggestion maximises.

use super::basin::Basin;
use super::memory::Model;
use super::trust::TrustBox;
use crate::acquisition::Criterion;
use crate::gp::{Gp, Marginal, NoiseKind, Predictor};
use crate::maximize::Landscape;

/// Where to look.
#[derive(Clone, Copy)]
pub(crate) enum Region<'a> {
    /// Anywhere but in these.
    Outside(&'a [Basin]),
    /// In this one.
    Inside(&'a Basin),
    /// In a box.
    Near(&'a TrustBox),
}

impl Region<'_> {
    pub(super) fn contains(self, features: &[f64]) -> bool {
        match self {
            Self::Outside(basins) => !basins.iter().any(|basin| basin.contains(features)),
            Self::Inside(basin) => basin.contains(features),
            Self::Near(area) => area.contains(features),
        }
    }
}

/// A criterion over the predictions of a model, in a region, plus a term that knows nothing of the model.
pub(crate) struct Surface<'a, 'b, 'c> {
    predictor: Predictor<'a>,
    criterion: Criterion,
    region: Region<'b>,
    term: &'c mut dyn Landscape,
}

impl<'a, 'b, 'c> Surface<'a, 'b, 'c> {
    pub(crate) fn new(
        gp: &'a Gp,
        criterion: Criterion,
        region: Region<'b>,
        term: &'c mut dyn Landscape,
    ) -> Self {
        Self { predictor: gp.predictor(), criterion, region, term }
    }

    /// What the best model says, and the criterion without the term.
    pub(super) fn at(&mut self, features: &[f64]) -> (Marginal, f64) {
        (self.predictor.marginal(features), self.criterion_at(features, None))
    }

    /// The criterion; with a gradient its derivatives are added to it.
    fn criterion_at(&mut self, features: &[f64], gradient: Option<&mut [f64]>) -> f64 {
        let score = self.criterion.score(self.predictor.marginal(features));
        if let Some(gradient) = gradient {
            self.predictor.add_gradient(features, score.by_mean, score.by_variance, gradient);
        }
        score.value
    }
}

impl Landscape for Surface<'_, '_, '_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        if !self.region.contains(features) {
            return f64::NAN;
        }
        self.criterion_at(features, None) + self.term.value(features)
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        if !self.region.contains(features) {
            return f64::NAN;
        }
        let value = self.criterion_at(features, Some(gradient));
        value + self.term.gradient(features, gradient)
    }
}

/// No term at all.
pub(crate) struct Flat;

impl Landscape for Flat {
    fn value(&mut self, _: &[f64]) -> f64 {
        0.0
    }

    fn gradient(&mut self, _: &[f64], _: &mut [f64]) -> f64 {
        0.0
    }
}

/// The mean of a process, downwards: its peaks are where a model believes that minima lie.
pub(super) struct Mean<'a>(pub(super) Predictor<'a>);

impl Landscape for Mean<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        -self.0.marginal(features).mean
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.value(features);
        self.0.add_gradient(features, -1.0, 0.0, gradient);
        value
    }
}

/// What an improvement is counted from: the best target, or with noise the best mean at a point told (plug-in); of
/// points in the region.
pub(crate) fn level(model: &Model, region: Region<'_>) -> f64 {
    let mut predictor = model.gp.predictor();
    (0..model.gp.len())
        .map(|i| (i, model.gp.point(i)))
        .filter(|(_, x)| region.contains(x))
        .map(|(i, x)| match model.regime.noise {
            NoiseKind::Fixed => model.targets.z[i],
            NoiseKind::Inferred => predictor.marginal(&x).mean,
        })
        .fold(f64::INFINITY, f64::min)
}
