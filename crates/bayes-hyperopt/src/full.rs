//! What searches with a model of full evaluations share: the model, the level to improve on, the search for the best.

use meta_traits::Stream;

use crate::SearchSpace;
use crate::acquisition::{Criterion, Score};
use crate::gp::{Gp, NoiseKind, Predictor};
use crate::kernel::Layout;
use crate::maximize::{Effort, Landscape, search};
use crate::optimizer::regime::{Memory, Model};

/// Kinds of model that try to replace the present one at each fit.
pub(crate) const CHALLENGES: usize = 2;
/// How hard the best point is searched for.
pub(crate) const EFFORT: Effort = Effort { spread: 256, near: 128, starts: 6, evaluations: 40 };

/// Points and losses; features may mark inactive parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) features: Vec<Vec<f64>>,
    pub(crate) losses: Vec<f64>,
}

impl Table {
    /// The model of the rows, after so many challenges of its kind; `None` below 3 rows or where none can be made.
    pub(crate) fn model(&self, space: &SearchSpace, memory: &mut Memory, challenges: usize) -> Option<Model> {
        if self.losses.len() < 3 {
            return None;
        }
        let column = |d: usize| self.features.iter().map(|f| f[d]).collect();
        let columns: Vec<Vec<f64>> = (0..space.len()).map(column).collect();
        memory.fit(&Layout::new(space), &columns, &self.losses, challenges)
    }

    /// Latent points of the rows, best first, at most five.
    pub(crate) fn good(&self) -> Vec<Vec<f64>> {
        let mut order: Vec<usize> = (0..self.losses.len()).collect();
        order.sort_by(|a, b| self.losses[*a].total_cmp(&self.losses[*b]));
        order.iter().take(5).map(|i| latent_of(&self.features[*i])).collect()
    }
}

/// Features as a latent point: inactive parameters in the middle.
pub(crate) fn latent_of(features: &[f64]) -> Vec<f64> {
    features.iter().map(|f| if *f < 0.0 { 0.5 } else { *f }).collect()
}

/// The level an improvement is counted from: the best target, or with noise the best mean at a point told.
pub(crate) fn incumbent(model: &Model) -> f64 {
    let least = |means: &mut dyn Iterator<Item = f64>| means.fold(f64::INFINITY, f64::min);
    match model.regime.noise {
        NoiseKind::Fixed => least(&mut model.targets.z.iter().copied()),
        NoiseKind::Inferred => {
            let mut predictor = model.gp.predictor();
            least(&mut (0..model.gp.len()).map(|i| predictor.marginal(&model.gp.point(i)).mean))
        }
    }
}

/// Typical distances per parameter over which the model changes.
pub(crate) fn reach(gp: &Gp, dimensions: usize) -> Vec<f64> {
    gp.theta[..dimensions].iter().map(|l| libm::exp(*l).min(1.0)).collect()
}

/// A criterion over one model, less a multiple of the mean of another.
pub(crate) struct Less<'a> {
    pub(crate) predictor: Predictor<'a>,
    pub(crate) criterion: Criterion,
    /// The other model and the multiple.
    pub(crate) other: Option<(Predictor<'a>, f64)>,
}

impl Less<'_> {
    fn score(&mut self, features: &[f64]) -> (Score, f64) {
        let score = self.criterion.score(self.predictor.marginal(features));
        let less = self.other.as_mut().map_or(0.0, |(other, by)| *by * other.marginal(features).mean);
        (score, less)
    }
}

impl Landscape for Less<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        let (score, less) = self.score(features);
        score.value - less
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let (score, less) = self.score(features);
        self.predictor.add_gradient(features, score.by_mean, score.by_variance, gradient);
        if let Some((other, by)) = &mut self.other {
            other.add_gradient(features, -*by, 0.0, gradient);
        }
        score.value - less
    }
}

/// The best latent point of `landscape` that is none of `known` (features); `None` where there is none.
pub(crate) fn best_new<'a>(
    space: &SearchSpace,
    landscape: &mut dyn Landscape,
    good: &[Vec<f64>],
    reach: &[f64],
    mut known: impl Iterator<Item = &'a Vec<f64>>,
    rng: &mut Stream,
) -> Option<Vec<f64>> {
    let found = search(space, landscape, good, reach, EFFORT, rng)?;
    let features = space.features(&found.latent);
    let same = |other: &Vec<f64>| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10);
    (!known.any(same)).then_some(found.latent)
}
