use meta_traits::{ExampleId, RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::allocator::{Allocator, AllocatorState};
use super::inner::InnerState;
use super::round::{Pending, Step};
use super::versions::{VersionId, Versions};
use super::{Best, Entrant, Joint, Mark, Options};
use crate::posterior::Posterior;

/// The saved form of a [`Joint`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JointState {
    names: Vec<String>,
    examples: Vec<ExampleId>,
    options: Options,
    stream: Stream,
    posterior: Posterior,
    versions: Versions,
    entrants: Vec<Entrant>,
    todo: Vec<usize>,
    base: Vec<VersionId>,
    rounds: u64,
    results: u64,
    written: bool,
    dry: u64,
    #[serde(default)]
    fresh: Vec<VersionId>,
    #[serde(default)]
    allocator: Option<AllocatorState>,
    #[serde(default)]
    inner: InnerState,
    #[serde(default)]
    mark: Mark,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    best: Option<Best>,
    said: Option<String>,
}

impl Snapshot for Joint {
    const SCHEMA: &'static str = "orchestrator-core/joint";
    const VERSION: u32 = 2;
    type State = JointState;

    fn snapshot(&self) -> JointState {
        JointState {
            names: self.names.clone(),
            examples: self.examples.clone(),
            options: self.options.clone(),
            stream: self.stream.clone(),
            posterior: self.posterior.clone(),
            versions: self.versions.clone(),
            entrants: self.entrants.clone(),
            todo: self.todo.clone(),
            base: self.base.clone(),
            rounds: self.rounds,
            results: self.results,
            written: self.written,
            dry: self.dry,
            fresh: self.fresh.clone(),
            allocator: Some(self.allocator.save()),
            inner: self.inner.save(),
            mark: self.mark,
            trials: self.trials,
            queries: self.queries,
            step: self.step.clone(),
            pending: self.pending,
            best: self.best.clone(),
            said: self.said.clone(),
        }
    }

    /// Takes up the whole state, data and options included, whatever this object was made with; only a selector must be
    /// there already where one was saved.
    fn restore(&mut self, state: JointState) -> Result<(), RestoreError> {
        if !state.is_sound() {
            return Err(RestoreError::Body("the step under way does not fit the texts and results".into()));
        }
        if let Some(saved) = state.allocator {
            self.allocator.load(saved)?;
        }
        self.inner.load(state.inner)?;
        let inner = std::mem::take(&mut self.inner);
        let (weights, learned) = (state.options.weights(), state.options.learned);
        let mut allocator = std::mem::replace(&mut self.allocator, Allocator::new(weights, learned));
        allocator.set_weights(weights, learned);
        *self = Self {
            posterior: state.posterior,
            names: state.names,
            examples: state.examples,
            options: state.options,
            stream: state.stream,
            versions: state.versions,
            entrants: state.entrants,
            todo: state.todo,
            base: state.base,
            rounds: state.rounds,
            results: state.results,
            written: state.written,
            dry: state.dry,
            fresh: state.fresh,
            allocator,
            inner,
            mark: state.mark,
            trials: state.trials,
            queries: state.queries,
            step: state.step,
            pending: state.pending,
            best: state.best,
            said: state.said,
        };
        self.versions.index();
        self.posterior.rebuild();
        Ok(())
    }
}

impl JointState {
    fn is_sound(&self) -> bool {
        let known = |p: &VersionId| *p < self.versions.len();
        let whole = |system: &Vec<VersionId>| system.len() == self.names.len() && system.iter().all(known);
        let (components, examples) = (self.names.len(), self.examples.len());
        let in_place = |system: &Vec<VersionId>| {
            whole(system) && (0..components).all(|c| self.versions.get(system[c]).component == c)
        };
        let step = match &self.step {
            Step::Write { version, .. } => known(version),
            Step::Block { system, on } => in_place(system) && on.iter().all(|j| *j < self.examples.len()),
            Step::Next | Step::Over(_) => true,
        };
        let pending = match self.pending {
            None => true,
            Some(Pending::Trial(id)) => id.0 < self.trials && matches!(self.step, Step::Block { .. }),
            Some(Pending::Query(id)) => id.0 < self.queries && matches!(self.step, Step::Write { .. }),
        };
        step && pending
            && self.options.check().is_ok()
            && self.posterior.is_sound(components, examples)
            && self.versions.is_sound(components, examples, self.posterior.features())
            && in_place(&self.base)
            && self.entrants.iter().all(|e| in_place(&e.system))
            && self.inner.is_sound(|(component, topic)| {
                *component < components && *topic < self.versions.wording(*component).topics()
            })
            && self.fresh.iter().all(known)
            && self.todo.iter().all(|slot| *slot < self.names.len())
            && self.best.as_ref().is_none_or(|best| best.entrant < self.entrants.len())
    }
}
