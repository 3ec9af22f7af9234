use meta_traits::Stream;

use crate::acquisition::Criterion;
use crate::full::{CHALLENGES, EFFORT, is_new, latent_of, reach};
use crate::kernel::Layout;
use crate::maximize::search;
use crate::optimizer::memory::{Memory, Model};
use crate::optimizer::regime::Regime;
use crate::optimizer::subset::Data;
use crate::optimizer::surface::{Flat, Region, Surface, level};
use crate::{Configuration, KernelKind, SearchSpace};

/// Kinds of model tried when one is made from nothing.
const TRIED: usize = 4 * CHALLENGES;
/// Points without which no model is made.
const LEAST: usize = 3;
const EVERYWHERE: Region<'static> = Region::Outside(&[]);

/// A Gaussian process through given points: what a search believes, without the search.
///
/// Its kind is chosen by evidence as in [`crate::BayesOptimizer`]. Meant for reports and for searches of one's own;
/// up to some hundreds of points. Deterministic: equal points give equal models.
///
/// ```
/// use bayes_hyperopt::{Configuration, Domain, Parameter, SearchSpace, Surrogate, Value};
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let space = SearchSpace::new(vec![x]).unwrap();
/// let at = |x: f64| -> Configuration { [("x", Value::from(x))].into_iter().collect() };
/// let points: Vec<_> = (0..8).map(|i| f64::from(i) / 7.0).map(|x| (at(x), (x - 0.4).powi(2))).collect();
/// let model = Surrogate::fit(&space, &points).unwrap();
/// let (mean, sd) = model.predict(&at(0.5)).unwrap();
/// assert!((mean - 0.01).abs() < 1e-3 && sd < 1e-2);
/// ```
pub struct Surrogate {
    space: SearchSpace,
    model: Model,
    level: f64,
}

impl Surrogate {
    /// The model of points with their losses; those that are not of the space or have no finite loss are passed over.
    ///
    /// `None` below three usable points, or where no model can be made of them. O(n^3) some hundred times.
    pub fn fit(space: &SearchSpace, points: &[(Configuration, f64)]) -> Option<Self> {
        let mut data = Data::default();
        for (point, loss) in points.iter().filter(|(_, loss)| loss.is_finite()) {
            if let Some(features) = space.encode(point) {
                data.push(&features, *loss);
            }
        }
        if data.losses.len() < LEAST {
            return None;
        }
        let mut memory = Memory::new(Regime::new(KernelKind::Matern52));
        let model = memory.model(&Layout::new(space), &data, TRIED)?;
        let level = level(&model, EVERYWHERE);
        Some(Self { space: space.clone(), model, level })
    }

    /// Number of points, appended ones included.
    pub fn len(&self) -> usize {
        self.model.gp.len()
    }

    /// Always false: a model has at least three points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts one more point as told what is expected of it, so that the model is surer around it; whether it is of the
    /// space. O(n^2).
    pub fn append(&mut self, point: &Configuration) -> bool {
        let Some(features) = self.space.encode(point) else { return false };
        self.model.gp.append(&features, None);
        true
    }

    /// The loss expected at a point and its standard deviation, to first order where losses are bent; `None` where the
    /// point is not of the space. O(n^2).
    pub fn predict(&self, point: &Configuration) -> Option<(f64, f64)> {
        let at = self.model.gp.predictor().marginal(&self.space.encode(point)?);
        let (mean, slope) = self.model.targets.loss(at.mean);
        Some((mean, slope * at.variance.sqrt()))
    }

    /// ln of the expected improvement on the best point, in standard deviations of the losses; `None` where the point is not
    /// of the space. O(n^2).
    pub fn log_improvement(&self, point: &Configuration) -> Option<f64> {
        let at = self.model.gp.predictor().marginal(&self.space.encode(point)?);
        Some(Criterion::LogExpectedImprovement { best: self.level }.score(at).value)
    }

    /// The point with the highest expected improvement that is none of the model's; a random one where there is none.
    pub fn suggest(&self, rng: &mut Stream) -> Configuration {
        let criterion = Criterion::LogExpectedImprovement { best: self.level };
        let gp = &self.model.gp;
        let mut flat = Flat;
        let mut surface = Surface::new(gp, criterion, EVERYWHERE, &mut flat);
        let good: Vec<Vec<f64>> = gp.best_points(5).iter().map(|x| latent_of(x)).collect();
        let distance = reach(gp, self.space.len());
        let found = search(&self.space, &mut surface, &good, &distance, EFFORT, rng);
        let told: Vec<Vec<f64>> = (0..gp.len()).map(|i| gp.point(i)).collect();
        let new = found.filter(|found| is_new(&self.space, &found.latent, told.iter()));
        let latent = new.map_or_else(|| self.space.sample_latent(rng), |found| found.latent);
        self.space.decode(&latent)
    }

    /// The share of each parameter, in order, in the model's sensitivity: 1/lengthscale over their sum.
    pub fn importance(&self) -> Vec<f64> {
        let inverse: Vec<f64> =
            self.model.gp.theta[..self.space.len()].iter().map(|l| libm::exp(-l)).collect();
        let total: f64 = inverse.iter().sum();
        inverse.iter().map(|i| i / total).collect()
    }
}

impl std::fmt::Debug for Surrogate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Surrogate");
        shown.field("points", &self.len()).field("kind", &self.model.regime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Domain, Parameter};

    #[test]
    fn what_matters_is_important_and_what_is_best_is_suggested() {
        let unit = |name| Parameter::new(name, Domain::Float { low: 0.0, high: 1.0 });
        let space = SearchSpace::new(vec![unit("much"), unit("little")]).unwrap();
        let mut rng = Stream::root(1);
        let latents: Vec<Vec<f64>> = (0..25).map(|_| space.sample_latent(&mut rng)).collect();
        let loss = |l: &[f64]| (6.0 * l[0] - 2.0).powi(2) + 0.05 * l[1];
        let points: Vec<_> = latents.iter().map(|l| (space.decode(l), loss(l))).collect();
        let mut model = Surrogate::fit(&space, &points).unwrap();
        let importance = model.importance();
        assert!(
            importance[0] > 0.7 && (importance.iter().sum::<f64>() - 1.0).abs() < 1e-12,
            "{importance:?}"
        );
        let next = model.suggest(&mut rng);
        assert!((next.number("much").unwrap() - 1.0 / 3.0).abs() < 0.05, "{next:?}");
        let before = model.predict(&next).unwrap();
        assert!(model.append(&next));
        let after = model.predict(&next).unwrap();
        assert!(
            after.1 < 0.8 * before.1 && (after.0 - before.0).abs() < 1e-3 + before.1,
            "{before:?} {after:?}"
        );
        assert_eq!(model.len(), 26);
    }

    #[test]
    fn too_few_points_make_no_model() {
        let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
        let space = SearchSpace::new(vec![x]).unwrap();
        let at = |x: f64| space.decode(&[x]);
        let nan = [(at(0.1), f64::NAN), (at(0.2), 1.0), (at(0.3), 2.0)];
        assert!(Surrogate::fit(&space, &nan).is_none());
        assert!(Surrogate::fit(&space, &[]).is_none());
        let model = Surrogate::fit(&space, &[(at(0.1), 1.0), (at(0.2), 1.0), (at(0.2), 1.0)]).unwrap();
        assert!(model.predict(&Configuration::default()).is_none());
    }
}
