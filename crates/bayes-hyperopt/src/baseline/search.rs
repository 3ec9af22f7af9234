use std::fmt::Debug;

use meta_traits::{
    Ask, Cost, Fidelity, Observation, Optimizer, Outcome, RestoreError, Snapshot, StopReason, Stream,
    TellError, TrialId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::trials::{Pending, Trials};
use crate::{Configuration, SearchSpace};

/// A rule for what to try next. The trials themselves are kept by [`Search`].
///
/// Points are latent: one number in [0, 1] a parameter of the space (see [`SearchSpace::decode`]).
pub trait Strategy: Clone + Debug + Serialize + DeserializeOwned {
    /// The kind of a saved search, such as `bayes-hyperopt/random`.
    const SCHEMA: &'static str;
    /// What the rule wants to be told with the end of a trial.
    type Note: Clone + Debug + Serialize + DeserializeOwned;

    /// What to do next; `rng` is new for each trial. A step other than [`Step::Run`] must change nothing.
    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<Self::Note>;

    /// Takes note of a trial that has ended.
    fn learn(&mut self, space: &SearchSpace, ended: Ended<Self::Note>);

    /// Whether a state read from outside belongs to this space.
    fn fits(&self, space: &SearchSpace) -> bool {
        let _ = space;
        true
    }
}

/// What a [`Strategy`] wants next.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step<N> {
    /// Evaluate this latent point at this fidelity.
    Run {
        /// One number in [0, 1] a parameter.
        latent: Vec<f64>,
        /// How much of a full evaluation to spend.
        fidelity: Fidelity,
        /// Handed back when the trial ends.
        note: N,
    },
    /// Nothing until a pending trial ends.
    Wait,
    /// Nothing ever again.
    Done(StopReason),
}

/// A trial that has ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ended<N> {
    /// Its name; later ones are greater.
    pub id: TrialId,
    /// Where it ran.
    pub latent: Vec<f64>,
    /// The fidelity it reached.
    pub fidelity: Fidelity,
    /// How it ended.
    pub ending: Ending,
    /// What it used.
    pub cost: Cost,
    /// What the strategy had said of it.
    pub note: N,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// With this finite loss.
    Loss(f64),
    /// With a failure, a loss that is no finite number, or a violated constraint.
    Failed,
    /// It never ran.
    Abandoned,
}

impl Ending {
    /// The loss, where there is one.
    pub fn loss(self) -> Option<f64> {
        match self {
            Self::Loss(loss) => Some(loss),
            Self::Failed | Self::Abandoned => None,
        }
    }
}

/// An optimizer of a [`Strategy`].
///
/// The best is the least loss among trials of the highest fidelity seen. Where the space has rules, a point that breaks
/// them is replaced by a random legal one.
///
/// # Determinism
/// The draws for a trial come from a stream of its own, keyed by its id.
///
/// ```
/// use bayes_hyperopt::baseline::{Random, Search};
/// use bayes_hyperopt::{Domain, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome, Stream};
///
/// let x = Parameter::new("x", Domain::Float { low: -1.0, high: 3.0 });
/// let mut search = Search::new(SearchSpace::new(vec![x]).unwrap(), Random, Stream::root(1));
/// for _ in 0..50 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let x = trial.candidate.number("x").unwrap();
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(x * x))).unwrap();
/// }
/// assert!(search.best().unwrap().1.losses[0] < 0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Search<S: Strategy> {
    space: SearchSpace,
    state: SearchState<S>,
}

/// The saved form of a [`Search`]; the space is not part of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Strategy")]
pub struct SearchState<S: Strategy> {
    strategy: S,
    rng: Stream,
    trials: Trials<S::Note>,
}

impl<S: Strategy> Search<S> {
    /// A search of `space` by `strategy`; all draws come from `rng`.
    pub fn new(space: SearchSpace, strategy: S, rng: Stream) -> Self {
        Self { space, state: SearchState { strategy, rng, trials: Trials::new() } }
    }

    /// The space searched.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// The rule, with what it has learnt.
    pub fn strategy(&self) -> &S {
        &self.state.strategy
    }
}

impl<S: Strategy> Optimizer for Search<S> {
    type Candidate = Configuration;

    fn ask(&mut self) -> Ask<Configuration> {
        let state = &mut self.state;
        let mut rng = state.rng.child("trial", state.trials.next());
        match state.strategy.next(&self.space, &mut rng) {
            Step::Run { latent, fidelity, note } => {
                let mut latent = latent;
                let mut candidate = self.space.decode(&latent);
                if !self.space.allows(&candidate) {
                    latent = self.space.sample_latent(&mut rng);
                    candidate = self.space.decode(&latent);
                }
                Ask::Run(state.trials.open(Pending { latent, candidate, fidelity, note }))
            }
            Step::Wait => Ask::Wait,
            Step::Done(_) if state.trials.pending().next().is_some() => Ask::Wait,
            Step::Done(reason) => Ask::Done(reason),
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let ended = self.state.trials.close(id, outcome)?;
        self.state.strategy.learn(&self.space, ended);
        Ok(())
    }

    fn best(&self) -> Option<(&Configuration, &Observation)> {
        self.state.trials.best()
    }
}

impl<S: Strategy> Snapshot for Search<S> {
    const SCHEMA: &'static str = S::SCHEMA;
    const VERSION: u32 = 1;
    type State = SearchState<S>;

    fn snapshot(&self) -> SearchState<S> {
        self.state.clone()
    }

    fn restore(&mut self, state: SearchState<S>) -> Result<(), RestoreError> {
        let other =
            || RestoreError::Body("the saved search is of another space; restore it with its own".into());
        let sound = |p: &Pending<S::Note>| {
            p.latent.len() == self.space.len() && self.space.encode(&p.candidate).is_some()
        };
        if !state.trials.pending().all(sound) || !state.strategy.fits(&self.space) {
            return Err(other());
        }
        self.state = state;
        Ok(())
    }
}
