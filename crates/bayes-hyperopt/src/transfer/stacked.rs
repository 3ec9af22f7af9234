use super::aligned::Aligned;
use crate::acquisition::Criterion;
use crate::gp::{Marginal, Predictor};
use crate::kernel::Layout;
use crate::maximize::Landscape;
use crate::optimizer::memory::{Memory, Model};
use crate::optimizer::subset::Data;

/// Shrinks the slope as so much variance of the old means would, a point.
const RIDGE: f64 = 0.01;

/// A model of a new task that begins with what old ones say: a slope times the weighted mean of old models, and a
/// process for what is left (stacking, as in Golovin et al. 2017).
///
/// Unlike a weighted sum of predictions it passes through what the new task has shown.
pub(super) struct Stacked<'a> {
    old: Vec<(f64, &'a Aligned<'a>)>,
    rest: Model,
    /// Of the weighted old means, in units of the rest's targets.
    slope: f64,
    /// The least loss told, in the same units.
    best: f64,
}

impl<'a> Stacked<'a> {
    /// With weights that are positive; `None` when no model can be made.
    pub(super) fn new(
        old: Vec<(f64, &'a Aligned<'a>)>,
        layout: &Layout,
        data: &Data,
        memory: &mut Memory,
        challenges: usize,
    ) -> Option<Self> {
        let n = data.losses.len();
        let mut predictors: Vec<Weighted<'_>> =
            old.iter().map(|(w, old)| (*w, *old, old.predictor())).collect();
        let means: Vec<f64> = (0..n).map(|i| weighted(&mut predictors, &data.point(i))).collect();
        let average = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
        let (mean, loss) = (average(&means), average(&data.losses));
        let pairs = means.iter().zip(&data.losses).map(|(m, y)| (m - mean, y - loss));
        let (square, product) = pairs.fold((RIDGE * n as f64, 0.0), |(s, p), (m, y)| (s + m * m, p + m * y));
        let slope = product / square;
        let losses = means.iter().zip(&data.losses).map(|(m, y)| y - slope * m).collect();
        let rest = memory.model(layout, &Data { columns: data.columns.clone(), losses }, challenges)?;
        // The targets of the rest are not bent: a linear function of its losses.
        let (zero, unit) = rest.targets.loss(0.0);
        let least = data.losses.iter().copied().fold(f64::INFINITY, f64::min);
        Some(Self { old, slope: slope / unit, best: (least - zero) / unit, rest })
    }

    /// The process of what the old models leave.
    pub(super) fn rest(&mut self) -> &mut Model {
        &mut self.rest
    }

    /// The expected improvement.
    pub(super) fn landscape(&self) -> StackedImprovement<'_> {
        StackedImprovement {
            old: self.old.iter().map(|(weight, old)| (*weight, *old, old.predictor())).collect(),
            rest: self.rest.gp.predictor(),
            slope: self.slope,
            criterion: Criterion::LogExpectedImprovement { best: self.best },
        }
    }
}

/// A weight, an old model, and what predicts with it.
type Weighted<'a> = (f64, &'a Aligned<'a>, Predictor<'a>);

fn weighted(old: &mut [Weighted<'_>], features: &[f64]) -> f64 {
    old.iter_mut().map(|(weight, old, predictor)| *weight * predictor.mean(&old.place(features))).sum()
}

/// See [`Stacked::landscape`].
pub(super) struct StackedImprovement<'a> {
    old: Vec<Weighted<'a>>,
    rest: Predictor<'a>,
    slope: f64,
    criterion: Criterion,
}

impl StackedImprovement<'_> {
    fn marginal(&mut self, features: &[f64]) -> Marginal {
        let rest = self.rest.marginal(features);
        Marginal { mean: rest.mean + self.slope * weighted(&mut self.old, features), ..rest }
    }
}

impl Landscape for StackedImprovement<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        self.criterion.score(self.marginal(features)).value
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let score = self.criterion.score(self.marginal(features));
        self.rest.add_gradient(features, score.by_mean, score.by_variance, gradient);
        for (weight, old, predictor) in &mut self.old {
            let place = old.place(features);
            predictor.mean(&place);
            predictor.add_mean_gradient(&place, self.slope * *weight * score.by_mean, gradient);
        }
        score.value
    }
}
