//! When a search may stop.

use serde::{Deserialize, Serialize};

use crate::BayesOptimizer;

/// How far the best point found may be from the best there is, as the model sees it.
///
/// All in the units of the losses, all 0 or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegretBound {
    /// The regret that is exceeded with at most the probability asked for.
    pub bound: f64,
    /// The regret expected.
    pub mean: f64,
    /// The pessimistic loss of the best point less the least optimistic loss: a bound for all points at once, and so a
    /// wide one (Makarova et al. 2022, without their division of the width).
    pub widest: f64,
}

/// Stops a search once its regret is probably small (Wilson 2024, "Stopping Bayesian optimization with probabilistic regret
/// bounds").
///
/// After every trial told ask [`StoppingRule::check`]. It stops when the regret bound was at most `tolerance` in `patience`
/// checks running. The bound is the model's own: where the model is wrong, it may be, too. Tests hold it against
/// the true regret of known functions.
///
/// ```
/// use bayes_hyperopt::stopping::StoppingRule;
/// use bayes_hyperopt::{BayesOptimizer, Domain, HyperOptConfig, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome};
///
/// let x = Parameter::new("x", Domain::Float { low: -1.0, high: 3.0 });
/// let mut search = BayesOptimizer::new(SearchSpace::new(vec![x]).unwrap(), HyperOptConfig::default(), 1).unwrap();
/// let mut rule = StoppingRule::new(1e-3);
/// let mut trials = 0;
/// while !rule.check(&search) {
///     let Ask::Run(trial) = search.ask() else { break };
///     let x = trial.candidate.number("x").unwrap();
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(x * x))).unwrap();
///     trials += 1;
/// }
/// assert!(trials < 40 && search.best().unwrap().1.losses[0] < 1e-3);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppingRule {
    /// The regret that is good enough, in the units of the losses.
    pub tolerance: f64,
    /// The probability with which it may be exceeded, 0.01 to 0.5; values outside count as the nearest inside.
    pub risk: f64,
    /// Checks in a row that must agree.
    pub patience: u32,
    #[serde(default)]
    agreed: u32,
}

impl StoppingRule {
    /// A rule for regrets up to `tolerance` with a risk of 0.05, after two checks that agree.
    pub fn new(tolerance: f64) -> Self {
        Self { tolerance, risk: 0.05, patience: 2, agreed: 0 }
    }

    /// The same rule with another risk.
    #[must_use]
    pub fn risk(mut self, risk: f64) -> Self {
        self.risk = risk;
        self
    }

    /// Whether to stop, now that another trial was told. Without a model it goes on.
    pub fn check(&mut self, search: &BayesOptimizer) -> bool {
        let small = search.regret_bound(self.risk).is_some_and(|regret| regret.bound <= self.tolerance);
        self.agreed = if small { self.agreed + 1 } else { 0 };
        self.agreed >= self.patience.max(1)
    }
}
