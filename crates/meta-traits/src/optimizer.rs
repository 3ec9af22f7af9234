use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::{Components, Observation, Outcome, Scored, TellError, Trial, TrialId};

/// Names one query of one optimizer. Ids are unique and increase in the order of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryId(pub u64);

/// A text some model (or a script) must write: a new version of one component, in the light of what happened.
///
/// The optimizer waits for [`Optimizer::answer`]; it does not know who writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Query {
    /// The name to answer under.
    pub id: QueryId,
    /// The component to rewrite.
    pub component: String,
    /// The whole candidate, the component's present text included.
    pub candidate: Components,
    /// What happened on examples, with notes.
    pub evidence: Vec<Scored>,
}

impl Query {
    /// A request for a new text of `component`.
    pub fn new(id: QueryId, component: String, candidate: Components, evidence: Vec<Scored>) -> Self {
        Self { id, component, candidate, evidence }
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// The new text.
    Text(String),
    /// Nobody could write one; the optimizer goes on without.
    Failed(String),
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// A limit of the budget is reached.
    Budget,
    /// Every candidate has been tried.
    Exhausted,
    /// The best possible score is reached.
    Perfect,
    /// No progress for as long as the options allow.
    Stagnation,
    /// The optimizer's own limit of rounds is reached.
    Rounds,
    /// The driver asked to stop.
    Cancelled,
    /// Too many evaluations failed in a row.
    Failures,
}

/// What an optimizer wants next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ask<C> {
    /// Evaluate this and tell.
    Run(Trial<C>),
    /// Have this written and answer.
    Query(Query),
    /// Nothing until something pending is told. Legal only while something is pending.
    Wait,
    /// The search is over; asking again gives the same.
    Done(StopReason),
}

/// Whether to go on with a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Stop and tell [`Outcome::Pruned`].
    Stop,
}

/// A search as a state machine: ask, evaluate, tell.
///
/// # Laws (checked by `conformance::optimizer`)
/// - `ask` never blocks and never fails; ids are unique and increase.
/// - Every candidate is a member of the declared space.
/// - `tell` of an unknown or repeated id is an error and changes nothing.
/// - A loss that is NaN or infinite never becomes the best.
/// - Any mix of `Failed` and `Abandoned` leaves `ask` working: a trial, a query, `Done`, or `Wait` with something
///   pending.
/// - The order of telling a batch does not change `best`.
/// - The same seed and the same calls give bit-equal answers.
/// - Memory grows with what is pending and what is kept, not with the number of calls to `ask`.
pub trait Optimizer {
    /// What is searched for.
    type Candidate;

    /// The next thing to do.
    fn ask(&mut self) -> Ask<Self::Candidate>;

    /// Reports how a trial ended.
    ///
    /// # Errors
    /// [`TellError`] when the id is not pending or the outcome does not fit; nothing is changed then.
    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError>;

    /// Reports a running trial; the answer says whether to go on. The default goes on.
    fn tell_partial(&mut self, id: TrialId, so_far: &Observation) -> Verdict {
        let _ = (id, so_far);
        Verdict::Continue
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`TellError::UnknownQuery`] when the id is not pending, as it always is for optimizers that ask nothing.
    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        let _ = reply;
        Err(TellError::UnknownQuery(id))
    }

    /// The candidate the optimizer would return now, and what was observed of it.
    fn best(&self) -> Option<(&Self::Candidate, &Observation)>;

    /// Up to `n` things to do at once; ends early at `Wait` or `Done` (which is then the last element if it is the
    /// only one). Override to plan a batch jointly.
    fn ask_batch(&mut self, n: NonZeroUsize) -> Vec<Ask<Self::Candidate>> {
        let mut batch = Vec::new();
        while batch.len() < n.get() {
            match self.ask() {
                work @ (Ask::Run(_) | Ask::Query(_)) => batch.push(work),
                end => {
                    if batch.is_empty() {
                        batch.push(end);
                    }
                    break;
                }
            }
        }
        batch
    }
}

impl<O: Optimizer + ?Sized> Optimizer for alloc::boxed::Box<O> {
    type Candidate = O::Candidate;
    fn ask(&mut self) -> Ask<Self::Candidate> {
        (**self).ask()
    }
    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        (**self).tell(id, outcome)
    }
    fn tell_partial(&mut self, id: TrialId, so_far: &Observation) -> Verdict {
        (**self).tell_partial(id, so_far)
    }
    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        (**self).answer(id, reply)
    }
    fn best(&self) -> Option<(&Self::Candidate, &Observation)> {
        (**self).best()
    }
    fn ask_batch(&mut self, n: NonZeroUsize) -> Vec<Ask<Self::Candidate>> {
        (**self).ask_batch(n)
    }
}
