mod laws;
mod session;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Debug;

use super::Violation;
use super::snapshot::{CONTINUES, STABLE};
use super::violation::assert_held;
use crate::{Optimizer, Outcome, Query, Reply, Snapshot, Stream, Trial};

pub(super) const IDS: &str = "ids-increase";
pub(super) const INSIDE: &str = "candidate-in-space";
pub(super) const BATCH: &str = "batch-fits";
pub(super) const WAIT: &str = "wait-needs-pending";
pub(super) const DONE: &str = "done-is-final";
pub(super) const PROPOSES: &str = "proposes-something";
pub(super) const ACCEPTED: &str = "pending-tell-accepted";
pub(super) const REFUSED: &str = "unknown-tell-refused";
pub(super) const UNTOUCHED: &str = "refused-tell-changes-nothing";
pub(super) const FINITE: &str = "best-is-finite";
pub(super) const OBSERVED: &str = "best-was-observed";
pub(super) const STORM: &str = "ask-survives-failures";
pub(super) const ORDER: &str = "tell-order-keeps-best";
pub(super) const SEED: &str = "same-seed-same-run";
pub(super) const MEMORY: &str = "memory-bounded-in-pending";

/// The laws of [`optimizer`].
pub const OPTIMIZER_LAWS: &[&str] = &[
    IDS, INSIDE, BATCH, WAIT, DONE, PROPOSES, ACCEPTED, REFUSED, UNTOUCHED, FINITE, OBSERVED, STORM, ORDER,
    SEED,
];

/// The laws of [`optimizer_snapshot`].
pub const OPTIMIZER_SNAPSHOT_LAWS: &[&str] = &[CONTINUES, STABLE, MEMORY];

type Contains<'a, C> = Box<dyn Fn(&C) -> bool + 'a>;
type Evaluate<'a, C> = Box<dyn Fn(&Trial<C>, &mut Stream) -> Outcome + 'a>;
type Answering<'a> = Box<dyn Fn(&Query, &mut Stream) -> Reply + 'a>;

/// What [`optimizer`] checks: how to make one, what its space is, and a problem to try it on.
///
/// ```
/// # use meta_traits::{Ask, Observation, Optimizer, Outcome, StopReason, TellError, TrialId};
/// use meta_traits::conformance::{Check, optimizer};
/// # use meta_traits::{Fidelity, Instances, Trial};
/// # #[derive(Default)]
/// # struct OneShot { asked: bool, pending: bool, best: Option<(f64, Observation)> }
/// # impl Optimizer for OneShot {
/// #     type Candidate = f64;
/// #     fn ask(&mut self) -> Ask<f64> {
/// #         if core::mem::replace(&mut self.asked, true) {
/// #             return if self.pending { Ask::Wait } else { Ask::Done(StopReason::Exhausted) };
/// #         }
/// #         self.pending = true;
/// #         Ask::Run(Trial::new(TrialId(0), 0.5, Fidelity::FULL, Instances::Driver))
/// #     }
/// #     fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
/// #         if id != TrialId(0) || !core::mem::take(&mut self.pending) {
/// #             return Err(TellError::UnknownTrial(id));
/// #         }
/// #         if let Outcome::Complete(o) = outcome && o.is_sound() {
/// #             self.best = Some((0.5, o));
/// #         }
/// #         Ok(())
/// #     }
/// #     fn best(&self) -> Option<(&f64, &Observation)> {
/// #         self.best.as_ref().map(|(c, o)| (c, o))
/// #     }
/// # }
/// let check = Check::new(
///     |_seed| OneShot::default(),
///     |candidate| (0.0..=1.0).contains(candidate),
///     |trial, _rng| Outcome::Complete(Observation::of_loss(trial.candidate * trial.candidate)),
/// );
/// assert_eq!(optimizer(&check), Ok(()));
/// ```
pub struct Check<'a, O: Optimizer> {
    factory: Box<dyn Fn(u64) -> O + 'a>,
    contains: Contains<'a, O::Candidate>,
    evaluate: Evaluate<'a, O::Candidate>,
    reply: Answering<'a>,
    upkeep: Box<dyn Fn(&mut O) + 'a>,
    seeds: Vec<u64>,
    steps: usize,
    width: usize,
}

impl<'a, O: Optimizer> Check<'a, O> {
    /// Checks what `factory` makes of a seed; `contains` is the declared space, `evaluate` any problem in it.
    ///
    /// `evaluate` must be a function of the trial and the stream alone, and give complete outcomes. Queries are
    /// answered with the present text and a number drawn for the query, unless [`Check::answering`] says otherwise.
    pub fn new(
        factory: impl Fn(u64) -> O + 'a,
        contains: impl Fn(&O::Candidate) -> bool + 'a,
        evaluate: impl Fn(&Trial<O::Candidate>, &mut Stream) -> Outcome + 'a,
    ) -> Self {
        let reply = |query: &Query, rng: &mut Stream| {
            let present = query.candidate.get(&query.component).unwrap_or_default();
            Reply::Text(alloc::format!("{present} {}", rng.below(1000)))
        };
        Self {
            factory: Box::new(factory),
            contains: Box::new(contains),
            evaluate: Box::new(evaluate),
            reply: Box::new(reply),
            upkeep: Box::new(|_| {}),
            seeds: alloc::vec![0, 1, 2],
            steps: 48,
            width: 4,
        }
    }

    /// Answers queries with `reply`, which must be a function of the query and the stream alone.
    #[must_use]
    pub fn answering(mut self, reply: impl Fn(&Query, &mut Stream) -> Reply + 'a) -> Self {
        self.reply = Box::new(reply);
        self
    }

    /// Does `upkeep` before every ask: what the optimizer's drivers must do beside asking and telling, such as
    /// draining a log.
    #[must_use]
    pub fn upkeep(mut self, upkeep: impl Fn(&mut O) + 'a) -> Self {
        self.upkeep = Box::new(upkeep);
        self
    }

    /// Uses these seeds; the default is 0, 1, 2.
    #[must_use]
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// Drives so many rounds of asking and telling for each law and seed; the default is 48.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps.max(1);
        self
    }

    /// Asks for batches of up to this width; the default is 4.
    #[must_use]
    pub fn width(mut self, width: usize) -> Self {
        self.width = width.max(1);
        self
    }
}

/// Checks the laws of [`Optimizer`].
///
/// - `ids-increase`: ids of trials increase, and so do those of queries.
/// - `candidate-in-space`: every candidate run, and the best, is in the space.
/// - `batch-fits`: `ask_batch(n)` gives 1 to n entries, `Wait` and `Done` only alone.
/// - `wait-needs-pending`: no `Wait` with nothing pending.
/// - `done-is-final`: once nothing is pending, `Done` is answered by the same `Done`.
/// - `proposes-something`: a fresh optimizer whose work is done asks for at least one trial.
/// - `pending-tell-accepted`: a pending trial can be told complete, failed and abandoned; one told a loss that is not
///   finite may be refused as a mismatch, and then be told failed. A pending query can be answered.
/// - `unknown-tell-refused`: telling or answering an id that is not pending is an error.
/// - `refused-tell-changes-nothing`: one that gets many such errors goes on like a twin that gets none.
/// - `best-is-finite`: the losses of the best are finite whatever was told.
/// - `best-was-observed`: there is no best before something sound was told.
/// - `ask-survives-failures`: after and during storms of failed and abandoned trials there is a trial, a query or
///   `Done` to come, and not queries for ever.
/// - `tell-order-keeps-best`: a batch told in order, reversed and shuffled gives the same best.
/// - `same-seed-same-run`: the same seed and calls give the same asks and the same best, in `Debug` form.
///
/// # Errors
/// The first [`Violation`], with a law of [`OPTIMIZER_LAWS`].
pub fn optimizer<O: Optimizer>(check: &Check<'_, O>) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for &seed in &check.seeds {
        laws::determinism(check, seed)?;
        laws::plain_run(check, seed)?;
        laws::pile_up(check, seed)?;
        laws::refusals(check, seed)?;
        laws::unsound_losses(check, seed)?;
        laws::storms(check, seed)?;
        laws::order_of_telling(check, seed)?;
    }
    Ok(())
}

/// Checks the laws that tie [`Snapshot`] to [`Optimizer`], beside those of [`super::snapshot`].
///
/// - `snapshot-continues`: one that is saved after every ask and every tell, and taken up by a new optimizer of
///   another seed, goes on like one that is never saved.
/// - `snapshot-is-stable`: saving what was just restored gives the same bytes.
/// - `memory-bounded-in-pending`: between `steps` and `4 * steps` asks that are all abandoned the snapshot grows by
///   less than half a byte an ask (a list with an entry an ask grows by two bytes or more).
///
/// # Errors
/// The first [`Violation`], with a law of [`OPTIMIZER_SNAPSHOT_LAWS`], or one of [`OPTIMIZER_LAWS`] met on the way.
pub fn optimizer_snapshot<O: Optimizer + Snapshot>(check: &Check<'_, O>) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for &seed in &check.seeds {
        laws::snapshots(check, seed)?;
        laws::memory(check, seed)?;
    }
    Ok(())
}

/// [`optimizer`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_optimizer<O: Optimizer>(check: &Check<'_, O>)
where
    O::Candidate: Debug,
{
    assert_held(optimizer(check));
}

/// [`optimizer_snapshot`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_optimizer_snapshot<O: Optimizer + Snapshot>(check: &Check<'_, O>)
where
    O::Candidate: Debug,
{
    assert_held(optimizer_snapshot(check));
}
