use meta_traits::{Components, ExampleId, RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::batch::Batches;
use super::decision::Log;
use super::draws::Draws;
use super::merge::Merger;
use super::options::Options;
use super::pool::{Member, Pool};
use super::step::{Pending, Step};
use super::{Gepa, check_examples};

/// The saved form of a [`Gepa`]: everything that is not computed from the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GepaState {
    seed: Components,
    train: Vec<ExampleId>,
    val: Vec<ExampleId>,
    options: Options,
    stream: Stream,
    iteration: u64,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    members: Vec<Member>,
    merger: Merger,
    log: Log,
    #[serde(default)]
    selected: u64,
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    draws: Draws,
}

impl Snapshot for Gepa {
    const SCHEMA: &'static str = "prompt-grammar/gepa";
    const VERSION: u32 = 1;
    type State = GepaState;

    fn snapshot(&self) -> GepaState {
        GepaState {
            seed: self.seed.clone(),
            train: self.train.clone(),
            val: self.val.clone(),
            options: self.options.clone(),
            stream: self.stream.clone(),
            iteration: self.iteration,
            trials: self.trials,
            queries: self.queries,
            step: self.step.clone(),
            pending: self.pending,
            members: self.pool.members().to_vec(),
            merger: self.merger.clone(),
            log: self.log.clone(),
            selected: self.selected,
            draws: self.draws.clone(),
        }
    }

    /// Takes up the whole state, data and options included, whatever this object was made with.
    fn restore(&mut self, state: GepaState) -> Result<(), RestoreError> {
        let wrong = |what: String| RestoreError::Body(what);
        check_examples("train", &state.train).map_err(|e| wrong(e.to_string()))?;
        check_examples("val", &state.val).map_err(|e| wrong(e.to_string()))?;
        let names = state.options.check(&state.seed, state.train.len()).map_err(|e| wrong(e.to_string()))?;
        state.draws.check(state.train.len()).map_err(|e| wrong(e.to_string()))?;
        check_members(&state, names.len()).map_err(wrong)?;
        check_step(&state, names.len()).map_err(wrong)?;
        *self = Self {
            seed: state.seed,
            train: state.train,
            val: state.val,
            batches: Batches::new(state.options.minibatch),
            options: state.options,
            names,
            stream: state.stream,
            iteration: state.iteration,
            trials: state.trials,
            queries: state.queries,
            step: state.step,
            pending: state.pending,
            pool: Pool::of(state.members),
            merger: state.merger,
            log: state.log,
            selected: state.selected,
            draws: state.draws,
        };
        Ok(())
    }
}

fn check_members(state: &GepaState, components: usize) -> Result<(), String> {
    for (i, member) in state.members.iter().enumerate() {
        let seen = &member.observation;
        let on_val = seen.instances.iter().map(|s| s.example).eq(state.val.iter().copied());
        if !on_val || seen.instances.iter().any(|s| !s.score.is_finite()) {
            return Err(format!("member {i} has no finite score for every validation example"));
        }
        if !member.candidate.names().eq(state.seed.names()) {
            return Err(format!("member {i} has other components than the seed"));
        }
        if member.parents.iter().any(|&p| p >= i) || member.parents.is_empty() != (i == 0) {
            return Err(format!("member {i} has parents {:?}", member.parents));
        }
        if member.next >= components {
            return Err(format!("member {i} is to rewrite component {} of {components}", member.next));
        }
    }
    Ok(())
}

fn check_step(state: &GepaState, components: usize) -> Result<(), String> {
    let n = state.members.len();
    let (sound, query) = match &state.step {
        Step::Seed => (n == 0, false),
        Step::Over(_) => (state.pending.is_none(), false),
        Step::Parent { parent, batch } | Step::Child { parent, batch, .. } => {
            (*parent < n && batch.len() == state.options.minibatch, false)
        }
        Step::Reflect { parent, batch, before, todo, .. } => {
            let examples = before.iter().map(|s| s.example).eq(batch.iter().copied());
            (*parent < n && examples && !todo.is_empty() && todo.iter().all(|&c| c < components), true)
        }
        Step::Merge { parents, on, .. } => {
            (parents.iter().all(|&p| p < n) && on.iter().all(|id| state.val.contains(id)), false)
        }
        Step::Full { parents, .. } => (!parents.is_empty() && parents.iter().all(|&p| p < n), false),
    };
    let fits = match state.pending {
        None => true,
        Some(Pending::Trial(id)) => !query && id.0 < state.trials,
        Some(Pending::Query(id)) => query && id.0 < state.queries,
    };
    if sound && fits { Ok(()) } else { Err("the step under way does not fit the pool".into()) }
}
