use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use super::Violation;
use super::violation::assert_held;
use crate::{
    Draw, Evaluator, ExampleId, Fidelity, Instances, Observation, Outcome, Split, Stream, Trial, TrialId,
    Unit,
};

const BATCHING: &str = "batching-at-least-one";
const ORDER: &str = "scores-in-order";
const COUNTED: &str = "evaluations-counted";
const CAP: &str = "cost-within-cap";
const FINITE: &str = "scores-finite";
const SAME: &str = "same-draw-same-score";
const USABLE: &str = "usable-after-failure";
const CANCEL: &str = "usable-after-cancel";

/// The laws of [`evaluator`].
pub const EVALUATOR_LAWS: &[&str] = &[BATCHING, ORDER, COUNTED, CAP, FINITE, SAME, USABLE, CANCEL];

/// What [`evaluator`] checks: an evaluator, a candidate that it can evaluate, and examples that exist.
pub struct EvaluatorCheck<'a, E, C> {
    factory: Box<dyn Fn() -> E + 'a>,
    candidate: C,
    examples: Vec<ExampleId>,
    repeatable: bool,
}

impl<'a, C: Clone, E: Evaluator<C>> EvaluatorCheck<'a, E, C> {
    /// Checks what `factory` makes with `candidate` on `examples`, all of which it must be able to score.
    pub fn new(
        factory: impl Fn() -> E + 'a,
        candidate: C,
        examples: impl IntoIterator<Item = ExampleId>,
    ) -> Self {
        let examples = examples.into_iter().collect();
        Self { factory: Box::new(factory), candidate, examples, repeatable: true }
    }

    /// Says that the world behind the evaluator is itself random, so that scores need not repeat.
    #[must_use]
    pub fn random_world(mut self) -> Self {
        self.repeatable = false;
        self
    }

    fn trial(&self, id: u64, draws: Vec<Draw>) -> Trial<C> {
        Trial::new(TrialId(id), self.candidate.clone(), Fidelity::FULL, Instances::Draws(draws))
    }
}

/// Checks the laws of [`Evaluator`].
///
/// - `batching-at-least-one`: block and concurrency are at least 1.
/// - `scores-in-order`: the draws of a trial, repeats and odd orders included, are scored one each and in order.
/// - `evaluations-counted`: a complete outcome charges one evaluation a draw.
/// - `cost-within-cap`: no outcome costs more than [`Evaluator::cap`] said before, in any unit but time.
/// - `scores-finite`: the losses and scores of a complete outcome are finite; anything else is a failure.
/// - `same-draw-same-score`: the same candidate, draws and stream give the same scores, also by a new evaluator.
/// - `usable-after-failure`: an example that does not exist is `Failed`, and the next good trial is complete.
/// - `usable-after-cancel`: after a future is dropped half-way the next good trial is complete.
///
/// Futures run on this thread by [`block_on`]; one that needs a runtime needs its context entered by the caller.
///
/// # Errors
/// The first [`Violation`], with a law of [`EVALUATOR_LAWS`].
pub fn evaluator<C: Clone, E: Evaluator<C>>(check: &EvaluatorCheck<'_, E, C>) -> Result<(), Violation> {
    if check.examples.is_empty() {
        return Err(Violation::new(ORDER, "the check names no example, so nothing can be scored"));
    }
    let evaluator = (check.factory)();
    let batching = evaluator.batching();
    if batching.block == 0 || batching.concurrent == 0 {
        return Err(Violation::new(BATCHING, format!("{batching:?}")));
    }
    let rng = Stream::root(11).child("conformance/evaluator", 0);
    for (id, draws) in arrangements(&check.examples).into_iter().enumerate() {
        let trial = check.trial(id as u64, draws.clone());
        let observation = complete(&evaluator, &trial, &rng, ORDER)?;
        scored_in_order(&draws, &observation)?;
        if check.repeatable {
            let again = complete(&evaluator, &trial, &rng, SAME)?;
            let elsewhere = complete(&(check.factory)(), &trial, &rng, SAME)?;
            for other in [again, elsewhere] {
                if other.instances != observation.instances {
                    let (a, b) = (&observation.instances, &other.instances);
                    return Err(Violation::new(SAME, format!("{a:?}, and then {b:?}")));
                }
            }
        }
    }
    let good = check.trial(100, draws_of(&check.examples, 0));
    let missing = Draw { example: ExampleId::new(Split::Train, u32::MAX), repeat: 0 };
    let bad = check.trial(101, Vec::from([missing]));
    if let Outcome::Complete(o) = block_on(evaluator.evaluate(&bad, rng.clone())) {
        return Err(Violation::new(USABLE, format!("an example that does not exist is complete: {o:?}")));
    }
    complete(&evaluator, &good, &rng, USABLE)?;
    {
        let mut future = evaluator.evaluate(&good, rng.clone());
        let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    complete(&evaluator, &good, &rng, CANCEL).map(drop)
}

/// [`evaluator`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_evaluator<C: Clone, E: Evaluator<C>>(check: &EvaluatorCheck<'_, E, C>) {
    assert_held(evaluator(check));
}

/// Runs a future to its end on this thread, which sleeps in between; no runtime is needed.
///
/// ```
/// assert_eq!(meta_traits::conformance::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn draws_of(examples: &[ExampleId], repeat: u32) -> Vec<Draw> {
    examples.iter().map(|&example| Draw { example, repeat }).collect()
}

/// In order, backwards, one alone, and each twice in a shuffled order.
fn arrangements(examples: &[ExampleId]) -> Vec<Vec<Draw>> {
    let forward = draws_of(examples, 0);
    let backward = forward.iter().rev().copied().collect();
    let one = forward.iter().take(1).copied().collect();
    let mut twice = forward.clone();
    twice.extend(draws_of(examples, 1));
    Stream::root(5).shuffle(&mut twice);
    Vec::from([forward, backward, one, twice])
}

fn complete<C, E: Evaluator<C>>(
    evaluator: &E,
    trial: &Trial<C>,
    rng: &Stream,
    law: &'static str,
) -> Result<Observation, Violation> {
    let cap = evaluator.cap(trial);
    let outcome = block_on(evaluator.evaluate(trial, rng.clone()));
    let used = outcome.cost();
    for unit in Unit::ALL.into_iter().filter(|unit| *unit != Unit::Wall) {
        let (most, used) = (cap.of(unit), used.of(unit));
        if used > most {
            return Err(Violation::new(CAP, format!("{used} {} used; the cap is {most}", unit.name())));
        }
    }
    match outcome {
        Outcome::Complete(o) => Ok(o),
        other => Err(Violation::new(law, format!("a good trial {:?} ended as {other:?}", trial.on))),
    }
}

fn scored_in_order(draws: &[Draw], observation: &Observation) -> Result<(), Violation> {
    let scores = &observation.instances;
    let same = scores.len() == draws.len()
        && scores.iter().zip(draws).all(|(s, d)| s.example == d.example && s.repeat == d.repeat);
    if !same {
        let found: Vec<_> = scores.iter().map(|s| (s.example, s.repeat)).collect();
        return Err(Violation::new(ORDER, format!("{draws:?} was asked for, {found:?} came back")));
    }
    let (charged, asked) = (observation.cost.evaluations, draws.len());
    if charged != asked as u64 {
        return Err(Violation::new(COUNTED, format!("{asked} draws, {charged} evaluations charged")));
    }
    if scores.iter().any(|s| !s.score.is_finite()) || observation.losses.iter().any(|l| !l.is_finite()) {
        return Err(Violation::new(FINITE, format!("{:?} with scores {scores:?}", observation.losses)));
    }
    Ok(())
}
