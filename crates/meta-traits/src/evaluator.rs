use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;

use crate::{Cost, Instances, Objective, Outcome, Stream, Trial};

/// A boxed future, so that evaluators can be trait objects without any runtime in this crate.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a driver should cut a trial's examples into calls of [`Evaluator::evaluate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Examples a call, at least 1. Each call is recorded as a whole, so small blocks lose less at a crash.
    pub block: usize,
    /// Calls in flight at once, at least 1.
    pub concurrent: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { block: 1, concurrent: 1 }
    }
}

/// Evaluates candidates; the asynchronous edge of the system.
///
/// # Contract
/// - The driver gives [`crate::Instances::Draws`]; scores come back in that order, one each.
/// - One example's failure is [`Outcome::Failed`]; the evaluator stays usable.
/// - Cost reports what was really used, whatever the outcome.
/// - The same candidate, draw and stream give the same score, unless the world behind is itself random.
pub trait Evaluator<C>: Send + Sync {
    /// Evaluates `trial`. Dropping the future cancels it.
    fn evaluate<'a>(&'a self, trial: &'a Trial<C>, rng: Stream) -> BoxFuture<'a, Outcome>;

    /// How to cut trials into calls.
    fn batching(&self) -> Batching {
        Batching::default()
    }

    /// The most that evaluating `trial` can use: what a budget reserves before. Evaluators that spend tokens or money
    /// override this with what they enforce; the default is one metric call an example and nothing else.
    fn cap(&self, trial: &Trial<C>) -> Cost {
        let draws = match &trial.on {
            Instances::Driver => 1,
            Instances::Exactly(ids) => ids.len(),
            Instances::Draws(draws) => draws.len(),
        };
        Cost::evaluations(draws as u64)
    }
}

impl<C, E: Evaluator<C> + ?Sized> Evaluator<C> for Box<E> {
    fn evaluate<'a>(&'a self, trial: &'a Trial<C>, rng: Stream) -> BoxFuture<'a, Outcome> {
        (**self).evaluate(trial, rng)
    }
    fn batching(&self) -> Batching {
        (**self).batching()
    }
    fn cap(&self, trial: &Trial<C>) -> Cost {
        (**self).cap(trial)
    }
}

impl<C, E: Evaluator<C> + ?Sized> Evaluator<C> for Arc<E> {
    fn evaluate<'a>(&'a self, trial: &'a Trial<C>, rng: Stream) -> BoxFuture<'a, Outcome> {
        (**self).evaluate(trial, rng)
    }
    fn batching(&self) -> Batching {
        (**self).batching()
    }
    fn cap(&self, trial: &Trial<C>) -> Cost {
        (**self).cap(trial)
    }
}

/// Makes an [`Evaluator`] of an [`Objective`]: the future is ready at once.
#[derive(Clone, Copy, Debug)]
pub struct InProcess<T>(
    /// The objective.
    pub T,
);

impl<C: Sync, T: Objective<C> + Send + Sync> Evaluator<C> for InProcess<T> {
    fn evaluate<'a>(&'a self, trial: &'a Trial<C>, mut rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.0.evaluate(&trial.candidate, trial.fidelity, &mut rng) })
    }
}
