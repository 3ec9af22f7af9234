use evaluation::race::{PartId, Posterior, PosteriorState};
use meta_traits::{ExampleId, RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::round::{Pending, Step};
use super::versions::Versions;
use super::{Best, Entrant, Options, Racing};

/// The saved form of a [`Racing`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RacingState {
    names: Vec<String>,
    examples: Vec<ExampleId>,
    options: Options,
    stream: Stream,
    posterior: PosteriorState,
    versions: Versions,
    entrants: Vec<Entrant>,
    fresh: Vec<PartId>,
    todo: Vec<usize>,
    base: Vec<PartId>,
    rounds: u64,
    idle: u64,
    barren: u64,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    best: Option<Best>,
    said: Option<String>,
}

impl Snapshot for Racing {
    const SCHEMA: &'static str = "orchestrator-core/racing";
    const VERSION: u32 = 1;
    type State = RacingState;

    fn snapshot(&self) -> RacingState {
        RacingState {
            names: self.names.clone(),
            examples: self.examples.clone(),
            options: self.options.clone(),
            stream: self.stream.clone(),
            posterior: self.posterior.state(),
            versions: self.versions.clone(),
            entrants: self.entrants.clone(),
            fresh: self.fresh.clone(),
            todo: self.todo.clone(),
            base: self.base.clone(),
            rounds: self.rounds,
            idle: self.idle,
            barren: self.barren,
            trials: self.trials,
            queries: self.queries,
            step: self.step.clone(),
            pending: self.pending,
            best: self.best.clone(),
            said: self.said.clone(),
        }
    }

    /// Takes up the whole state, data and options included, whatever this object was made with.
    fn restore(&mut self, state: RacingState) -> Result<(), RestoreError> {
        if !state.is_sound() {
            return Err(RestoreError::Body("the step under way does not fit the texts and results".into()));
        }
        *self = Self {
            posterior: Posterior::of_state(state.posterior)?,
            names: state.names,
            examples: state.examples,
            options: state.options,
            stream: state.stream,
            versions: state.versions,
            entrants: state.entrants,
            fresh: state.fresh,
            todo: state.todo,
            base: state.base,
            rounds: state.rounds,
            idle: state.idle,
            barren: state.barren,
            trials: state.trials,
            queries: state.queries,
            step: state.step,
            pending: state.pending,
            best: state.best,
            said: state.said,
        };
        Ok(())
    }
}

impl RacingState {
    fn is_sound(&self) -> bool {
        let known = |p: &PartId| *p < self.versions.len();
        let whole = |parts: &Vec<PartId>| parts.len() == self.names.len() && parts.iter().all(known);
        let step = match &self.step {
            Step::Write { part, .. } => known(part),
            Step::Block { parts, on } => whole(parts) && on.iter().all(|j| *j < self.examples.len()),
            Step::Next | Step::Over(_) => true,
        };
        let pending = match self.pending {
            None => true,
            Some(Pending::Trial(id)) => id.0 < self.trials && matches!(self.step, Step::Block { .. }),
            Some(Pending::Query(id)) => id.0 < self.queries && matches!(self.step, Step::Write { .. }),
        };
        step && pending
            && whole(&self.base)
            && self.entrants.iter().all(|e| whole(&e.parts))
            && self.fresh.iter().all(known)
            && self.todo.iter().all(|slot| *slot < self.names.len())
            && self.best.as_ref().is_none_or(|best| best.entrant < self.entrants.len())
    }
}
