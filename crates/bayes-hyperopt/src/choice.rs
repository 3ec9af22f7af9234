use serde::{Deserialize, Serialize};

/// How promising a point is, given what the model expects there.
///
/// The written form is the name in snake case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acquisition {
    /// Expected size of the improvement on the best so far.
    #[default]
    ExpectedImprovement,
    /// Probability of any improvement on the best so far.
    ProbabilityImprovement,
    /// Optimistic bound: mean plus a multiple of the standard deviation.
    UpperConfidenceBound,
}

impl Acquisition {
    /// Every acquisition.
    pub const ALL: [Self; 3] =
        [Self::ExpectedImprovement, Self::ProbabilityImprovement, Self::UpperConfidenceBound];
}

/// How alike the values at two points are expected to be.
///
/// The written form is the name in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelKind {
    /// Matern with smoothness 5/2: twice differentiable.
    #[default]
    Matern52,
    /// Matern with smoothness 3/2: once differentiable.
    Matern32,
    /// Squared exponential: infinitely smooth.
    Rbf,
    /// Linear functions of numbers, with noise for what they do not explain. Other kernels give way to whichever explains
    /// the losses best; this one stays.
    Linear,
}

impl KernelKind {
    /// Every kernel.
    pub const ALL: [Self; 4] = [Self::Matern52, Self::Matern32, Self::Rbf, Self::Linear];
}
