use super::model::Joint;
use super::rows::same;
use crate::acquisition::Criterion;
use crate::gp::{Gp, NoiseKind, Predictor};
use crate::kernel::{Kernel, Scratch};
use crate::maximize::Landscape;

/// The expected improvement at full fidelity, over the features of points.
pub(super) struct AtFull<'a> {
    predictor: Predictor<'a>,
    /// Points with nothing left to evaluate.
    done: Vec<&'a [f64]>,
    criterion: Criterion,
    /// The feature of the full fidelity.
    full: f64,
    features: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> AtFull<'a> {
    pub(super) fn new(gp: &'a Gp, best: f64, full: f64, done: Vec<&'a [f64]>) -> Self {
        let predictor = gp.predictor();
        let criterion = Criterion::LogExpectedImprovement { best };
        Self { predictor, done, criterion, full, features: Vec::new(), gradient: Vec::new() }
    }

    fn extend(&mut self, features: &[f64]) {
        self.features.clear();
        self.features.extend_from_slice(features);
        self.features.push(self.full);
    }
}

impl Landscape for AtFull<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        if self.done.iter().any(|done| same(done, features)) {
            return f64::NAN;
        }
        self.extend(features);
        self.criterion.score(self.predictor.marginal(&self.features)).value
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        self.extend(features);
        let score = self.criterion.score(self.predictor.marginal(&self.features));
        self.gradient.clear();
        self.gradient.resize(self.features.len(), 0.0);
        self.predictor.add_gradient(&self.features, score.by_mean, score.by_variance, &mut self.gradient);
        gradient.iter_mut().zip(&self.gradient).for_each(|(out, g)| *out += g);
        score.value
    }
}

/// The level at which to evaluate `features`: what tells most about the full level for its cost.
///
/// `features` of each level are given by `feature`, costs still to pay by `costs` (both one a level); levels below
/// `least` are out. A level below full is allowed when its standard deviation exceeds sd_f xi(s) (c(s)/c(1))^(1/(d+3)),
/// xi(s)^2 = 1 - k(s, 1)^2 (Kandasamy et al. 2017): otherwise it has no more to teach. Among those allowed and the full
/// level the one with the greatest -ln(1 - rho^2) / (2 cost) is chosen, rho the posterior correlation between what
/// would be observed there and the full level.
pub(super) fn level(joint: &Joint, features: &[f64], feature: &[f64], costs: &[f64], least: usize) -> usize {
    let full = feature.len() - 1;
    let at = |level: usize| -> Vec<f64> { features.iter().copied().chain([feature[level]]).collect() };
    let gp = &joint.gp;
    let sd_f = gp.variance.sqrt();
    let share = |x: &[f64], gp: &Gp| gp.predictor().marginal(x).variance / gp.variance;
    let before = share(&at(full), gp);
    let mut best = (f64::NEG_INFINITY, full);
    for level in least..=full {
        let x = at(level);
        if level < full {
            let spread = gp.predictor().marginal(&x).variance.sqrt();
            let xi = (1.0 - correlation(joint, &x, &at(full)).powi(2)).max(0.0).sqrt();
            let ratio = (costs[level] / costs[full]).powf(1.0 / (features.len() as f64 + 3.0));
            if spread <= sd_f * xi * ratio {
                continue;
            }
        }
        let mut informed = gp.clone();
        informed.append(&x, None);
        let left = (share(&at(full), &informed) / before).clamp(1e-12, 1.0);
        let value = -0.5 * left.ln() / costs[level].max(1e-12);
        if value > best.0 {
            best = (value, level);
        }
    }
    best.1
}

/// The prior correlation of the noiseless function at two points.
fn correlation(joint: &Joint, a: &[f64], b: &[f64]) -> f64 {
    let gp = &joint.gp;
    let kernel = Kernel::new(&gp.layout, gp.shape, &gp.theta);
    let columns: Vec<Vec<f64>> = b.iter().map(|b| vec![*b]).collect();
    let mut out = [0.0];
    kernel.row(a, &columns, (0, 1), &mut out, &mut Scratch::default());
    out[0]
}

/// What an improvement is counted from: the best target at full fidelity, or with noise the best mean there at a point
/// told; without full evaluations the best mean there, too.
pub(super) fn incumbent(joint: &Joint, points: &[&[f64]], full_targets: &[f64], full: f64) -> f64 {
    let told = full_targets.iter().copied().fold(f64::INFINITY, f64::min);
    if told.is_finite() && joint.noise == NoiseKind::Fixed {
        return told;
    }
    let mut predictor = joint.gp.predictor();
    let mean = |features: &&[f64]| {
        let x: Vec<f64> = features.iter().copied().chain([full]).collect();
        predictor.marginal(&x).mean
    };
    points.iter().map(mean).fold(f64::INFINITY, f64::min)
}
