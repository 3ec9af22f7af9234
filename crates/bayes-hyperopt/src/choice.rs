use serde::{Deserialize, Serialize};

/// How promising a point is, given what the model expects there.
///
/// The written form is the name in snake case.
///
/// ```
/// use bayes_hyperopt::{Acquisition, BayesOptimizer, Domain, HyperOptConfig, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome};
/// let config = r#"{"acquisition_function": "thompson_sampling"}"#;
/// let config: HyperOptConfig = serde_json::from_str(config).unwrap();
/// assert_eq!(config.acquisition_function, Acquisition::ThompsonSampling);
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let mut search = BayesOptimizer::new(SearchSpace::new(vec![x]).unwrap(), config, 1).unwrap();
/// for _ in 0..15 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let loss = (trial.candidate.number("x").unwrap() - 0.3).powi(2);
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
/// }
/// assert!(search.best().unwrap().1.losses[0] < 1e-3);
/// ```
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
    /// Expected size of the improvement on the best of the points told, where noise hides which that is (Letham et al.
    /// 2019, in logarithms); the expected improvement where the model sees no noise.
    NoisyExpectedImprovement,
    /// The best point of one function drawn from the model, among some hundreds (Thompson sampling): batches spread by
    /// themselves.
    ThompsonSampling,
}

impl Acquisition {
    /// Every acquisition.
    pub const ALL: [Self; 5] = [
        Self::ExpectedImprovement,
        Self::ProbabilityImprovement,
        Self::UpperConfidenceBound,
        Self::NoisyExpectedImprovement,
        Self::ThompsonSampling,
    ];
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
