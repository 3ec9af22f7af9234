//! What one suggestion maximises.

use super::basin::Basin;
use super::engine::EVERYWHERE;
use super::memory::Model;
use super::trust::TrustBox;
use crate::acquisition::{Criterion, Score};
use crate::gp::{Gp, NoiseKind, Predictor};
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
///
/// Of several models with a criterion each, it is ln of the mean of what their criteria are the logarithm of.
pub(crate) struct Surface<'a, 'b, 'c> {
    parts: Vec<(Predictor<'a>, Criterion)>,
    scores: Vec<Score>,
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
        Self::over([(gp, criterion)], region, term)
    }

    /// Over several models.
    pub(crate) fn over(
        parts: impl IntoIterator<Item = (&'a Gp, Criterion)>,
        region: Region<'b>,
        term: &'c mut dyn Landscape,
    ) -> Self {
        let parts: Vec<_> = parts.into_iter().map(|(gp, criterion)| (gp.predictor(), criterion)).collect();
        Self { scores: Vec::with_capacity(parts.len()), parts, region, term }
    }

    /// The criterion without the term and wherever; with a gradient its derivatives are added to it.
    pub(super) fn criterion_at(&mut self, features: &[f64], gradient: Option<&mut [f64]>) -> f64 {
        self.scores.clear();
        for (predictor, criterion) in &mut self.parts {
            self.scores.push(criterion.score(predictor.marginal(features)));
        }
        let most = self.scores.iter().map(|score| score.value).fold(f64::NEG_INFINITY, f64::max);
        let share = |score: &Score| if score.value >= most { 1.0 } else { libm::exp(score.value - most) };
        let sum: f64 = self.scores.iter().map(share).sum();
        if let Some(gradient) = gradient {
            for ((predictor, _), score) in self.parts.iter_mut().zip(&self.scores) {
                let weight = share(score) / sum;
                let (by_mean, by_variance) = (weight * score.by_mean, weight * score.by_variance);
                predictor.add_gradient(features, by_mean, by_variance, gradient);
            }
        }
        most + libm::log(sum / self.scores.len() as f64)
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

    fn range(&self, i: usize) -> (f64, f64) {
        match self.region {
            Region::Near(area) => area.range(i),
            _ => (0.0, 1.0),
        }
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
/// points in the region, or of all where it has none.
pub(crate) fn level(model: &Model, region: Region<'_>) -> f64 {
    let mut predictor = model.gp.predictor();
    let mut least = |region: Region<'_>| {
        (0..model.gp.len())
            .map(|i| (i, model.gp.point(i)))
            .filter(|(_, x)| region.contains(x))
            .map(|(i, x)| match model.regime.noise {
                NoiseKind::Fixed => model.targets.z[i],
                NoiseKind::Inferred => predictor.marginal(&x).mean,
            })
            .fold(f64::INFINITY, f64::min)
    };
    let found = least(region);
    if found.is_finite() { found } else { least(EVERYWHERE) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelKind;
    use crate::kernel::Layout;
    use crate::optimizer::memory::Memory;
    use crate::optimizer::regime::Regime;
    use crate::optimizer::subset::Data;
    use crate::{Domain, Parameter, SearchSpace};

    #[test]
    fn several_models_are_averaged_before_the_logarithm() {
        let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
        let layout = Layout::new(&SearchSpace::new(vec![x]).unwrap());
        let mut data = Data::default();
        for x in [0.1_f64, 0.3, 0.5, 0.9] {
            data.push(&[x], (7.0 * x).sin());
        }
        let gp = |kernel| Memory::new(Regime::new(kernel)).model(&layout, &data, 0).unwrap().gp;
        let gps = [gp(KernelKind::Rbf), gp(KernelKind::Matern32)];
        let criterion = |best| Criterion::LogExpectedImprovement { best };
        let mut flat = Flat;
        let parts = [(&gps[0], criterion(-0.5)), (&gps[1], criterion(-0.9))];
        let mut both = Surface::over(parts, Region::Outside(&[]), &mut flat);
        for x in [0.2, 0.62, 0.75] {
            let one =
                |i: usize| Surface::new(parts[i].0, parts[i].1, Region::Outside(&[]), &mut Flat).value(&[x]);
            let mean = (0.5 * (one(0).exp() + one(1).exp())).ln();
            assert!((both.value(&[x]) - mean).abs() < 1e-12);
            let mut gradient = [0.0];
            both.gradient(&[x], &mut gradient);
            let step = 1e-6;
            let slope = (both.value(&[x + step]) - both.value(&[x - step])) / (2.0 * step);
            assert!((gradient[0] - slope).abs() < 1e-4 * (1.0 + slope.abs()), "{x}: {gradient:?} {slope}");
        }
    }
}
