use serde::{Deserialize, Serialize};

/// Why a point was suggested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The loss expected, in the user's units.
    pub mean: f64,
    /// Its standard deviation, to first order where losses are bent.
    pub sd: f64,
    /// The value of the acquisition: ln of the expected improvement or probability in standard deviations of the losses, or
    /// the optimistic bound with its sign turned.
    pub acquisition: f64,
    /// For each parameter, in order, its share of the model's sensitivity: 1/lengthscale over their sum.
    pub importance: Vec<f64>,
    /// The kind of model, in words.
    pub model: String,
}
