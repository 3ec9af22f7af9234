//! How promising a point is: a number to maximise, with its derivatives by mean and variance.

use crate::Acquisition;
use crate::gp::Marginal;
use crate::numerics::{log_distribution, log_h};

/// A score with its derivatives by the mean and the variance of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    pub(crate) value: f64,
    pub(crate) by_mean: f64,
    pub(crate) by_variance: f64,
}

/// An acquisition function with the level it compares with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Criterion {
    /// ln of the expected improvement on this level (Ament et al. 2023): the same ranking as the improvement itself, with
    /// slopes where that underflows.
    LogExpectedImprovement {
        /// The level, in the units of the model.
        best: f64,
    },
    /// ln of the probability to be below this level.
    LogProbability {
        /// The level, in the units of the model.
        best: f64,
    },
    /// Minus the optimistic bound `mean - width * sd`.
    OptimisticBound {
        /// Standard deviations below the mean.
        width: f64,
    },
}

impl Criterion {
    /// The criterion users name, on the level `best`; `weight` in [0, 1] scales the width of the bound: 0.1 is 2. What is
    /// made of draws is told by the expected improvement.
    pub(crate) fn new(kind: Acquisition, best: f64, weight: f64) -> Self {
        match kind {
            Acquisition::ExpectedImprovement
            | Acquisition::NoisyExpectedImprovement
            | Acquisition::ThompsonSampling => Self::LogExpectedImprovement { best },
            Acquisition::ProbabilityImprovement => Self::LogProbability { best },
            Acquisition::UpperConfidenceBound => Self::OptimisticBound { width: 20.0 * weight },
        }
    }

    /// The score of a point with this marginal; higher is better.
    pub(crate) fn score(self, at: Marginal) -> Score {
        let sd = at.variance.sqrt();
        match self {
            Self::LogExpectedImprovement { best } => {
                let h = log_h((best - at.mean) / sd);
                Score {
                    value: h.value + libm::log(sd),
                    by_mean: -h.slope / sd,
                    by_variance: 0.5 * h.density / at.variance,
                }
            }
            Self::LogProbability { best } => {
                let z = (best - at.mean) / sd;
                let (value, hazard) = log_distribution(z);
                Score { value, by_mean: -hazard / sd, by_variance: -0.5 * hazard * z / at.variance }
            }
            Self::OptimisticBound { width } => {
                Score { value: width * sd - at.mean, by_mean: -1.0, by_variance: 0.5 * width / sd }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_differences() {
        let criteria = [
            Criterion::LogExpectedImprovement { best: -0.4 },
            Criterion::LogProbability { best: -0.4 },
            Criterion::OptimisticBound { width: 2.0 },
        ];
        for criterion in criteria {
            for mean in [-2.0, -0.4, 0.1, 3.0, 12.0] {
                for variance in [1e-2, 0.3, 1.0] {
                    let at = |m: f64, v: f64| criterion.score(Marginal { mean: m, variance: v });
                    let score = at(mean, variance);
                    let step = 1e-6;
                    let by_mean =
                        (at(mean + step, variance).value - at(mean - step, variance).value) / (2.0 * step);
                    let step = 1e-6 * variance;
                    let by_variance =
                        (at(mean, variance + step).value - at(mean, variance - step).value) / (2.0 * step);
                    assert!(
                        (by_mean - score.by_mean).abs() < 1e-5 * (1.0 + by_mean.abs()),
                        "{criterion:?} {mean}"
                    );
                    assert!(
                        (by_variance - score.by_variance).abs() < 1e-4 * (1.0 + by_variance.abs()),
                        "{criterion:?} {mean} {variance}"
                    );
                }
            }
        }
    }
}
