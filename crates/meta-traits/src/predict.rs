use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// A prediction with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// Expected value.
    pub mean: f64,
    /// Standard deviation of the value, at least 0.
    pub sd: f64,
}

impl Prediction {
    /// A prediction; `sd` must be at least 0.
    pub fn new(mean: f64, sd: f64) -> Self {
        Self { mean, sd }
    }

    /// The central interval `mean +- z sd`; 1.645 gives 90 % under normality.
    pub fn interval(&self, z: f64) -> (f64, f64) {
        (self.mean - z * self.sd, self.mean + z * self.sd)
    }
}

/// Learns a real-valued function of `X`.
///
/// Laws: predictions are finite and `sd >= 0` at all times, also before any data and after non-finite
/// observations, which are ignored; stated 90 % intervals cover about 90 % on the shared test functions.
pub trait Predictor<X: ?Sized> {
    /// What is expected at `x`.
    fn predict(&self, x: &X) -> Prediction;

    /// Takes one observation.
    fn observe(&mut self, x: &X, y: f64);

    /// Forgets all and learns from rows (x, y, weight); weights are at least 0.
    fn refit(&mut self, rows: &mut dyn Iterator<Item = (&X, f64, f64)>);
}

/// Named features of one piece of a candidate, with stable ids: name, value.
///
/// A name that is added twice sums its values. Order is the order of first addition.
///
/// ```
/// use meta_traits::SparseFeatures;
/// let mut f = SparseFeatures::default();
/// f.add("rule:role=expert", 1.0);
/// f.add("rule:role=expert", 0.5);
/// assert_eq!(f.iter().collect::<Vec<_>>(), [("rule:role=expert", 1.5)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SparseFeatures(Vec<(String, f64)>);

impl SparseFeatures {
    /// Adds `value` to the feature `name`.
    pub fn add(&mut self, name: &str, value: f64) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, v)) => *v += value,
            None => self.0.push((name.to_string(), value)),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.0.iter().map(|(n, v)| (n.as_str(), *v))
    }
}

/// A pillar's contribution to the joint model: sparse named features of its own piece of a candidate.
pub trait Part {
    /// The piece of a candidate this part describes.
    type Piece;

    /// Adds the features of `piece` to `out`. The same piece always gives the same names and values.
    fn features(&self, piece: &Self::Piece, out: &mut SparseFeatures);
}
