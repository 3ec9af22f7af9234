use bayes_hyperopt::baseline::{Search, Strategy};
use bayes_hyperopt::multi::ParetoOptimizer;
use bayes_hyperopt::stopping::RegretBound;
use bayes_hyperopt::{BayesOptimizer, Configuration, Explanation};
use meta_traits::{Optimizer, Outcome, TellError, TrialId};

/// A search, with what only some can do.
pub(crate) trait Engine: Optimizer<Candidate = Configuration> {
    /// Takes an evaluation that was not asked for; `None` where the search cannot.
    fn observe(&mut self, candidate: Configuration, outcome: Outcome) -> Option<Result<TrialId, TellError>>;

    /// Why a pending trial was suggested, where that is known.
    fn explain(&self, id: TrialId) -> Option<&Explanation>;

    /// How far the best may be from the best there is, exceeded with this probability; `None` where the search cannot say.
    fn regret_bound(&self, risk: f64) -> Option<RegretBound>;
}

impl Engine for BayesOptimizer {
    fn observe(&mut self, candidate: Configuration, outcome: Outcome) -> Option<Result<TrialId, TellError>> {
        Some(Self::observe(self, candidate, outcome))
    }

    fn explain(&self, id: TrialId) -> Option<&Explanation> {
        Self::explain(self, id)
    }

    fn regret_bound(&self, risk: f64) -> Option<RegretBound> {
        Self::regret_bound(self, risk)
    }
}

impl Engine for ParetoOptimizer {
    fn observe(&mut self, candidate: Configuration, outcome: Outcome) -> Option<Result<TrialId, TellError>> {
        Some(Self::observe(self, candidate, outcome))
    }

    fn explain(&self, _: TrialId) -> Option<&Explanation> {
        None
    }

    fn regret_bound(&self, _: f64) -> Option<RegretBound> {
        None
    }
}

impl<S: Strategy> Engine for Search<S> {
    fn observe(&mut self, _: Configuration, _: Outcome) -> Option<Result<TrialId, TellError>> {
        None
    }

    fn explain(&self, _: TrialId) -> Option<&Explanation> {
        None
    }

    fn regret_bound(&self, _: f64) -> Option<RegretBound> {
        None
    }
}
