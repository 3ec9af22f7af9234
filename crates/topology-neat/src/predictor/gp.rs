use meta_traits::{Prediction, Predictor};
use serde::{Deserialize, Serialize};

use crate::workflow::{Features, LEVELS, Workflow};

/// Terms of the kernel: one a level, one that falls with distance, one of each workflow alone.
const TERMS: usize = LEVELS + 2;
const NEAR: usize = LEVELS;
const OWN: usize = LEVELS + 1;
/// Variances of the terms before any data, in units of the variance between workflows.
const START: [f64; TERMS] = [0.1, 0.1, 0.05, 0.03, 0.02, 0.3, 0.1];
/// Variance of the common mean in the same units.
const COMMON: f64 = 4.0;
/// Squared distance at which the near term falls to exp(-1/2).
const REACH: f64 = 8.0;
/// Standard deviation of the logarithm (base 2) of a term's variance before any data.
const SPREAD: f64 = 1.0;
/// Added to the diagonal.
const JITTER: f64 = 1e-9;

/// Logarithms (base 2) of the variances of the kernel's terms relative to their start values.
pub(crate) type Scales = [f64; TERMS];

/// A Gaussian process over workflows with known noise.
///
/// The kernel is additive: a linear term for each level of Weisfeiler-Lehman features ([`Workflow`] kinds, modules,
/// edges, neighbourhoods of depth 1 and 2), a squared exponential term over the three coarse levels, an effect of each
/// workflow alone, and a common mean. The linear terms let a module's merit, learned in one workflow, count in every
/// other. Variances are those of the highest posterior density given log-normal priors, found by coordinate steps.
/// Repeats of a workflow are averaged; the noise of one observation is set with [`StructurePredictor::set_noise`] or
/// taken from repeats. Values that are not finite are ignored. A prediction costs O(n^2), an observation O(n^3) for n
/// workflows. Deterministic.
///
/// ```
/// use meta_traits::Predictor as _;
/// use topology_neat::{Module, ModuleKind, StructurePredictor, Workflow};
/// let single = |v| Workflow::single(Module::new(ModuleKind::Generate, v));
/// let mut predictor = StructurePredictor::default();
/// for _ in 0..5 {
///     predictor.observe(&single(0)?, 0.2);
///     predictor.observe(&single(1)?, 0.8);
/// }
/// assert!(predictor.predict(&single(1)?).mean > predictor.predict(&single(0)?).mean);
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StructurePredictor {
    rows: Vec<Row>,
    /// Variance of one observation, where it is known.
    noise: Option<f64>,
    /// Without it only the common mean and each workflow's own effect are left.
    blind: bool,
    scales: Scales,
    fit: Option<Fit>,
}

#[derive(Clone, Debug)]
struct Row {
    workflow: Workflow,
    features: Features,
    /// Products with the rows up to this one, level by level.
    products: Vec<[f64; LEVELS]>,
    weight: f64,
    sum: f64,
    squares: f64,
}

/// What is computed from the rows and scales.
#[derive(Clone, Debug)]
struct Fit {
    centre: f64,
    /// Variance between workflows: the unit of the kernel.
    unit: f64,
    /// Variance of one observation in units.
    noise: f64,
    /// Lower triangle, row by row.
    cholesky: Vec<f64>,
    /// Kernel matrix to the power -1 times the centred values.
    alpha: Vec<f64>,
}

/// Mean and variance of a workflow's value, noise left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Posterior {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl StructurePredictor {
    /// Sets the variance of one observation; not finite or not positive: it is taken from repeats.
    pub fn set_noise(&mut self, variance: f64) {
        self.noise = (variance.is_finite() && variance > 0.0).then_some(variance);
        self.fit = None;
    }

    /// A predictor that shares nothing between workflows: shrunk means.
    pub(crate) fn blind() -> Self {
        Self { blind: true, ..Self::default() }
    }

    pub(crate) fn scales(&self) -> Scales {
        self.scales
    }

    pub(crate) fn set_scales(&mut self, scales: Scales) {
        self.scales = scales;
        self.fit = None;
    }

    /// Adds an observation without computing anything; call [`StructurePredictor::update`] before predicting.
    pub(crate) fn add(&mut self, workflow: &Workflow, y: f64, weight: f64) {
        if y.is_finite() && weight.is_finite() && weight > 0.0 {
            self.add_row(workflow, weight, weight * y, weight * y * y);
        }
    }

    /// Adds the weight, sum and sum of squares of observations.
    pub(crate) fn add_row(&mut self, workflow: &Workflow, weight: f64, sum: f64, squares: f64) {
        self.fit = None;
        let at = self.rows.iter().position(|r| r.workflow == *workflow).unwrap_or_else(|| {
            let features = Features::of(workflow);
            let mut products: Vec<_> = self.rows.iter().map(|r| features.products(&r.features)).collect();
            products.push(features.products(&features));
            let workflow = workflow.clone();
            self.rows.push(Row { workflow, features, products, weight: 0.0, sum: 0.0, squares: 0.0 });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        row.weight += weight;
        row.sum += sum;
        row.squares += squares;
    }

    /// Fits what was added; `search` also moves the scales.
    pub(crate) fn update(&mut self, search: bool) {
        if self.rows.is_empty() {
            return;
        }
        let mut best = self.fitted(&self.scales);
        if search && !self.blind && self.rows.len() >= 5 {
            for term in 0..TERMS {
                for step in [-1.0, 1.0] {
                    let mut scales = self.scales;
                    scales[term] += step;
                    let found = self.fitted(&scales);
                    if found.1 > best.1 + 1e-9 {
                        best = found;
                        self.scales = scales;
                        break;
                    }
                }
            }
        }
        self.fit = Some(best.0);
    }

    /// The fit with these scales, and the logarithm of its posterior density up to a constant.
    fn fitted(&self, scales: &Scales) -> (Fit, f64) {
        let n = self.rows.len();
        let means: Vec<f64> = self.rows.iter().map(|r| r.sum / r.weight).collect();
        let noise = self.noise_of_one(&means);
        let centre = means.iter().sum::<f64>() / n as f64;
        let total = means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / n as f64;
        let of_noise = self.rows.iter().map(|r| noise / r.weight).sum::<f64>() / n as f64;
        let unit = (total - of_noise).max(0.25 * total).max(1e-12);
        let mut matrix = Vec::with_capacity(n * (n + 1) / 2);
        for (i, row) in self.rows.iter().enumerate() {
            for j in 0..=i {
                let mut k = self.kernel(scales, &row.products[j], self.near(i, j));
                if i == j {
                    k += self.own(scales) + noise / unit / row.weight + JITTER;
                }
                matrix.push(k);
            }
        }
        let determinant = factor(&mut matrix, n);
        let values: Vec<f64> = means.iter().map(|m| (m - centre) / unit.sqrt()).collect();
        let half = forward(&matrix, &values);
        let squares: f64 = half.iter().map(|h| h * h).sum();
        let alpha = backward(&matrix, half);
        let prior: f64 = scales.iter().map(|s| (s / SPREAD).powi(2)).sum();
        let density = -0.5 * (squares + determinant + prior);
        (Fit { centre, unit, noise: noise / unit, cholesky: matrix, alpha }, density)
    }

    /// The variance of one observation: as set, or as repeats show, or a quarter of all variance.
    fn noise_of_one(&self, means: &[f64]) -> f64 {
        if let Some(noise) = self.noise {
            return noise;
        }
        let repeats: f64 = self.rows.iter().map(|r| (r.weight - 1.0).max(0.0)).sum();
        if repeats >= 3.0 {
            let within = self.rows.iter().zip(means).map(|(r, m)| (r.squares - r.sum * m).max(0.0));
            return (within.sum::<f64>() / repeats).max(1e-12);
        }
        let n = means.len() as f64;
        let centre = means.iter().sum::<f64>() / n;
        (0.25 * means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / n).max(1e-12)
    }

    /// Squared distance of two workflows over the coarse levels, by the number of their first observation.
    pub(crate) fn distance(&self, i: usize, j: usize) -> f64 {
        self.near(i.max(j), i.min(j))
    }

    /// The same for `i` not below `j`.
    fn near(&self, i: usize, j: usize) -> f64 {
        distance(&self.rows[i].products[i], &self.rows[j].products[j], &self.rows[i].products[j])
    }

    fn kernel(&self, scales: &Scales, products: &[f64; LEVELS], distance: f64) -> f64 {
        if self.blind {
            return COMMON;
        }
        let variance = |term: usize| START[term] * scales[term].exp2();
        let linear: f64 = products.iter().enumerate().map(|(level, p)| variance(level) * p).sum();
        COMMON + linear + variance(NEAR) * (-0.5 * distance / REACH).exp()
    }

    fn own(&self, scales: &Scales) -> f64 {
        if self.blind { 1.0 } else { START[OWN] * scales[OWN].exp2() }
    }

    /// The posterior of a workflow's value; before any data one with variance 1 around 0.
    pub(crate) fn posterior(&self, workflow: &Workflow) -> Posterior {
        let Some(fit) = &self.fit else { return Posterior { mean: 0.0, variance: 1.0 } };
        let features = Features::of(workflow);
        let own = features.products(&features);
        let mut k = Vec::with_capacity(self.rows.len());
        let mut variance = self.kernel(&self.scales, &own, 0.0) + self.own(&self.scales);
        for (i, row) in self.rows.iter().enumerate() {
            let products = features.products(&row.features);
            let d = distance(&own, &row.products[i], &products);
            let same = if row.workflow == *workflow { self.own(&self.scales) } else { 0.0 };
            k.push(self.kernel(&self.scales, &products, d) + same);
        }
        let mean: f64 = k.iter().zip(&fit.alpha).map(|(k, a)| k * a).sum();
        variance -= forward(&fit.cholesky, &k).iter().map(|h| h * h).sum::<f64>();
        Posterior { mean: fit.centre + fit.unit.sqrt() * mean, variance: fit.unit * variance.max(1e-9) }
    }

    /// The posteriors of all workflows seen, in the order of their first observation. O(n^3).
    ///
    /// With noise variances N the mean at the data is y - N alpha and the variance N - N K^-1 N, K with noise.
    pub(crate) fn seen(&self) -> Vec<Posterior> {
        let Some(fit) = &self.fit else { return Vec::new() };
        let n = self.rows.len();
        let inverse: Vec<f64> = (0..n).map(|i| inverse_at(&fit.cholesky, n, i)).collect();
        let of = |i: usize| {
            let row = &self.rows[i];
            let noise = fit.noise / row.weight + JITTER;
            let mean = row.sum / row.weight - fit.unit.sqrt() * noise * fit.alpha[i];
            Posterior { mean, variance: fit.unit * (noise - noise * noise * inverse[i]).max(1e-9) }
        };
        (0..n).map(of).collect()
    }

    /// Variance of one observation, in the unit of values squared.
    pub(crate) fn noise(&self) -> f64 {
        self.fit.as_ref().map_or(1.0, |fit| fit.noise * fit.unit)
    }

    /// Mean and variance of the values seen, for the predictor that knows nothing else.
    pub(crate) fn overall(&self) -> Option<Posterior> {
        self.fit.as_ref().map(|fit| Posterior { mean: fit.centre, variance: fit.unit })
    }
}

impl Predictor<Workflow> for StructurePredictor {
    fn predict(&self, x: &Workflow) -> Prediction {
        let posterior = self.posterior(x);
        Prediction::new(posterior.mean, posterior.variance.sqrt())
    }

    fn observe(&mut self, x: &Workflow, y: f64) {
        self.add(x, y, 1.0);
        self.update(true);
    }

    fn refit(&mut self, rows: &mut dyn Iterator<Item = (&Workflow, f64, f64)>) {
        self.rows.clear();
        self.fit = None;
        self.scales = [0.0; TERMS];
        for (x, y, weight) in rows {
            self.add(x, y, weight);
        }
        for _ in 0..8 {
            self.update(true);
        }
    }
}

/// Squared distance over kinds, modules and edges.
fn distance(a: &[f64; LEVELS], b: &[f64; LEVELS], ab: &[f64; LEVELS]) -> f64 {
    (0..3).map(|level| (a[level] + b[level] - 2.0 * ab[level]).max(0.0)).sum()
}

/// Turns a positive definite matrix (lower triangle, row by row) into its Cholesky factor; the logarithm of its determinant.
fn factor(matrix: &mut [f64], n: usize) -> f64 {
    let mut determinant = 0.0;
    for i in 0..n {
        let (before, rest) = matrix.split_at_mut(i * (i + 1) / 2);
        let row = &mut rest[..=i];
        for j in 0..i {
            let other = &before[j * (j + 1) / 2..][..=j];
            let sum: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
            row[j] = (row[j] - sum) / other[j];
        }
        let sum: f64 = row[..i].iter().map(|a| a * a).sum();
        row[i] = (row[i] - sum).max(1e-12).sqrt();
        determinant += 2.0 * row[i].ln();
    }
    determinant
}

/// Element (i, i) of the inverse of the factored matrix: the squared length of column i of the factor's inverse.
fn inverse_at(cholesky: &[f64], n: usize, i: usize) -> f64 {
    let mut column: Vec<f64> = Vec::with_capacity(n - i);
    for j in i..n {
        let row = &cholesky[j * (j + 1) / 2..][..=j];
        let sum: f64 = row[i..j].iter().zip(&column).map(|(a, b): (&f64, &f64)| a * b).sum();
        let unit = if j == i { 1.0 } else { 0.0 };
        column.push((unit - sum) / row[j]);
    }
    column.iter().map(|c| c * c).sum()
}

/// Solves L x = b.
fn forward(cholesky: &[f64], b: &[f64]) -> Vec<f64> {
    let mut x = Vec::with_capacity(b.len());
    for (i, b) in b.iter().enumerate() {
        let row = &cholesky[i * (i + 1) / 2..][..=i];
        let sum: f64 = row[..i].iter().zip(&x).map(|(a, b): (&f64, &f64)| a * b).sum();
        x.push((b - sum) / row[i]);
    }
    x
}

/// Solves L' x = b.
fn backward(cholesky: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    for i in (0..b.len()).rev() {
        let row = &cholesky[i * (i + 1) / 2..][..=i];
        b[i] /= row[i];
        let x = b[i];
        b[..i].iter_mut().zip(row).for_each(|(b, a)| *b -= a * x);
    }
    b
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::{Library, WorkflowSpace};

    fn workflows(n: u64) -> Vec<Workflow> {
        let space = WorkflowSpace::new(Library::default(), 8, 4).unwrap();
        (0..n).map(|seed| space.sample(&mut Stream::root(seed))).collect()
    }

    /// A value that modules add up to.
    fn value(workflow: &Workflow) -> f64 {
        workflow.modules().iter().map(|m| f64::from(m.kind as u8 % 3) - 1.0).sum()
    }

    #[test]
    fn what_is_seen_has_the_posterior_of_any_other_place() {
        for mut predictor in [StructurePredictor::default(), StructurePredictor::blind()] {
            predictor.set_noise(0.3);
            for w in workflows(30) {
                predictor.observe(&w, value(&w));
            }
            let seen = predictor.seen();
            assert_eq!(seen.len(), predictor.rows.len());
            for (row, fast) in predictor.rows.iter().zip(seen) {
                let slow = predictor.posterior(&row.workflow);
                assert!((slow.mean - fast.mean).abs() < 1e-6, "{slow:?} {fast:?}");
                assert!((slow.variance - fast.variance).abs() < 1e-6, "{slow:?} {fast:?}");
            }
        }
    }

    #[test]
    fn merits_of_modules_carry_over_to_workflows_never_seen() {
        let all = workflows(80);
        let mut predictor = StructurePredictor::default();
        predictor.set_noise(0.01);
        predictor.refit(&mut all[..60].iter().map(|w| (w, value(w), 1.0)));
        let unseen: Vec<&Workflow> = all[60..].iter().filter(|w| !all[..60].contains(w)).collect();
        let error = |w: &&Workflow| (predictor.predict(w).mean - value(w)).powi(2);
        let spread = unseen.iter().map(|w| value(w).powi(2)).sum::<f64>();
        let lost = unseen.iter().map(error).sum::<f64>();
        assert!(lost < 0.2 * spread, "{lost} of {spread}");
    }

    #[test]
    fn unsound_values_are_ignored_and_nothing_known_is_finite() {
        let w = &workflows(1)[0];
        let mut predictor = StructurePredictor::default();
        let before = predictor.predict(w);
        assert!(before.mean.is_finite() && before.sd > 0.0);
        for y in [f64::NAN, f64::INFINITY] {
            predictor.observe(w, y);
        }
        assert_eq!(predictor.predict(w), before);
        predictor.set_noise(f64::NAN);
        for _ in 0..10 {
            predictor.observe(w, 3.0);
        }
        let after = predictor.predict(w);
        assert!((after.mean - 3.0).abs() < 1e-6 && after.sd.is_finite());
    }
}
