use meta_traits::{Prediction, Predictor, RestoreError, Snapshot};
use serde::{Deserialize, Serialize};

use super::basis::{Basis, WARM_UP};
use super::conformal::{Level, Scores};
use super::ridge::Ridge;

/// Values beyond count as this large.
const LARGEST: f64 = 1e9;
/// Share of what was learnt that remains after one more observation: the last 500 count most.
const KEEP: f64 = 0.998;
/// Weight of "features make no difference", in observations.
const PRIOR: [f64; 2] = [1.0, 10.0];
/// Observations after which errors count as errors of prediction.
const FIRST_SCORE: u64 = 4;
/// Step of the levels' adaptation.
const RATE: f64 = 0.01;
/// Half the width of a central 90 % interval of a normal distribution, in standard deviations.
const Z90: f64 = 1.645;
/// Mean of the logarithm of the absolute value of a standard normal number.
const LOG_ABS_NORMAL: f64 = -0.635;

/// Values that a new one stays below with probability 0.5, 0.9 and 0.99.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// Exceeded one time in ten.
    pub p90: f64,
    /// Exceeded one time in a hundred.
    pub p99: f64,
}

/// Learns the distribution of a real number given features, online.
///
/// Mean: recursive ridge regression on features, their squares and products, forgetting old rows. Spread: the same on the
/// logarithm of errors made in prediction, linear in features. Quantiles: adaptive conformal inference (Gibbs & Candès
/// 2021) on those errors in units of the spread. Features may be raw counts or numbers of order one; missing and non-finite
/// ones count as 0, further ones are not read. Deterministic. O(features^6) an observation up to 12 features, which get
/// products; O(features^3) beyond.
///
/// ```
/// use coordination::predict::CostModel;
/// use meta_traits::Predictor;
/// let mut model = CostModel::new(1);
/// for i in 0..60 {
///     model.observe(&[f64::from(i)], 2.0 * f64::from(i).asinh());
/// }
/// let expected = 2.0 * 30_f64.asinh();
/// assert!((model.quantiles(&[30.0]).p50 - expected).abs() < 0.2);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostModel {
    features: usize,
    seen: u64,
    /// Rows until the scale of features is settled.
    first: Vec<(Vec<f64>, f64)>,
    basis: Basis,
    mean: Ridge,
    spread: Ridge,
    signed: Scores,
    sizes: Scores,
    /// Of the median, the 90 % and the 99 % quantile, and of the central 90 % interval.
    levels: [Level; 4],
}

/// What the regressions say at a point.
struct Point {
    linear: Vec<f64>,
    quadratic: Vec<f64>,
    mean: f64,
    /// Of a single value around the mean.
    spread: f64,
    /// By what the spread is above that of the noise alone.
    doubt: f64,
}

impl CostModel {
    /// Knows nothing yet of functions of so many features.
    pub fn new(features: usize) -> Self {
        let (linear, quadratic) = Basis::lengths(features);
        let levels = [(0.5, 0.0), (0.9, 1.282), (0.99, 2.326), (0.9, Z90)];
        Self {
            features,
            seen: 0,
            first: Vec::new(),
            basis: Basis::of(features, &std::iter::empty()),
            mean: Ridge::new(quadratic, PRIOR[0], KEEP),
            spread: Ridge::new(linear, PRIOR[1], KEEP),
            signed: Scores::default(),
            sizes: Scores::default(),
            levels: levels.map(|(wanted, normal)| Level::new(wanted, normal, RATE)),
        }
    }

    /// How many observations it has learnt from.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Quantiles at `x`; finite and ascending at all times. Before any observation those of a standard normal number.
    pub fn quantiles(&self, x: &[f64]) -> Quantiles {
        let point = self.at(x);
        let of = |i: usize| point.mean + point.spread * self.levels[i].quantile(&self.signed);
        let p50 = of(0);
        let p90 = of(1).max(p50);
        Quantiles { p50, p90, p99: of(2).max(p90) }
    }

    fn at(&self, x: &[f64]) -> Point {
        let (linear, quadratic) = (self.basis.linear(x), self.basis.quadratic(x));
        let (mean, leverage) = self.mean.predict(&quadratic);
        let log = self.spread.predict(&linear).0 - if self.seen > FIRST_SCORE { LOG_ABS_NORMAL } else { 0.0 };
        let doubt = (1.0 + leverage).sqrt();
        let spread = log.clamp(-25.0, 25.0).exp() * doubt;
        Point { linear, quadratic, mean: mean.clamp(-LARGEST, LARGEST), spread, doubt }
    }

    fn learn(&mut self, x: &[f64], y: f64) {
        let point = self.at(x);
        if self.seen >= FIRST_SCORE {
            let error = y - point.mean;
            let score = error / point.spread;
            for level in &mut self.levels[..3] {
                level.observe(score, &self.signed);
            }
            self.levels[3].observe(score.abs(), &self.sizes);
            self.signed.push(score);
            self.sizes.push(score.abs());
            self.spread.observe(&point.linear, (error / point.doubt).abs().max(1e-9).ln());
        }
        self.mean.observe(&point.quadratic, y);
        self.seen += 1;
    }

    /// Learns the regressions anew from the first rows, on the scale of all of them. Errors stay as they were made.
    fn rescale(&mut self) {
        let (linear, quadratic) = Basis::lengths(self.features);
        self.basis = Basis::of(self.features, &self.first.iter().map(|(x, _)| x.as_slice()));
        self.mean = Ridge::new(quadratic, PRIOR[0], KEEP);
        self.spread = Ridge::new(linear, PRIOR[1], KEEP);
        for (i, (x, y)) in self.first.iter().enumerate() {
            let quadratic = self.basis.quadratic(x);
            if i as u64 >= FIRST_SCORE {
                let (mean, leverage) = self.mean.predict(&quadratic);
                let error = (y - mean) / (1.0 + leverage).sqrt();
                self.spread.observe(&self.basis.linear(x), error.abs().max(1e-9).ln());
            }
            self.mean.observe(&quadratic, *y);
        }
    }
}

impl Predictor<[f64]> for CostModel {
    /// The mean, and the deviation that makes the central 90 % interval of a normal distribution cover as it should.
    fn predict(&self, x: &[f64]) -> Prediction {
        let point = self.at(x);
        let sd = point.spread * self.levels[3].quantile(&self.sizes).max(0.0) / Z90;
        Prediction::new(point.mean, sd)
    }

    fn observe(&mut self, x: &[f64], y: f64) {
        if !y.is_finite() {
            return;
        }
        let y = y.clamp(-LARGEST, LARGEST);
        self.learn(x, y);
        if self.first.len() < WARM_UP && self.seen <= WARM_UP as u64 {
            let known = x.len().min(self.features);
            self.first.push((x[..known].iter().map(|x| if x.is_finite() { *x } else { 0.0 }).collect(), y));
            self.rescale();
            if self.first.len() == WARM_UP {
                self.first = Vec::new();
            }
        }
    }

    fn refit(&mut self, rows: &mut dyn Iterator<Item = (&[f64], f64, f64)>) {
        *self = Self::new(self.features);
        for (x, y, weight) in rows {
            if weight > 0.0 {
                self.observe(x, y);
            }
        }
    }
}

impl Snapshot for CostModel {
    const SCHEMA: &'static str = "coordination/cost-model";
    const VERSION: u32 = 1;
    type State = Self;

    fn snapshot(&self) -> Self {
        self.clone()
    }

    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        if state.features != self.features {
            let text = format!("it has {} features, this model {}", state.features, self.features);
            return Err(RestoreError::Body(text));
        }
        state.check().map_err(RestoreError::Body)?;
        *self = state;
        Ok(())
    }
}

impl CostModel {
    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// What no model can look like.
    pub(super) fn check(&self) -> Result<(), String> {
        let (linear, quadratic) = Basis::lengths(self.features);
        let warm = if self.seen < WARM_UP as u64 { self.seen as usize } else { 0 };
        let sound = self.basis.is_sound(self.features)
            && self.mean.is_sound(quadratic)
            && self.spread.is_sound(linear)
            && self.levels.iter().all(Level::is_sound)
            && self.first.len() == warm;
        if sound { Ok(()) } else { Err("its parts do not fit each other; was it cut or edited?".into()) }
    }
}
