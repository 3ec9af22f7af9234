use std::collections::{BTreeMap, BTreeSet, VecDeque};

use meta_traits::{ExampleId, Observation, QueryId, RestoreError, Snapshot, Space as _, Stream, TrialId};
use serde::{Deserialize, Serialize};

use super::ending::Ending;
use super::manifest::Manifest;
use super::options::ModelOptions;
use super::toggles::Toggles;
use super::{ModelSearch, Planned, Tried};
use crate::gepa::check_examples;
use crate::model::{Posterior, PosteriorState};
use crate::space::{Choices, PromptSpace};

/// The saved form of a [`ModelSearch`]: everything that is not computed from the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelState {
    space: PromptSpace,
    examples: Vec<ExampleId>,
    options: ModelOptions,
    stream: Stream,
    trials: u64,
    queries: u64,
    round: u64,
    #[serde(default)]
    fitted: u64,
    #[serde(default)]
    learnt: u64,
    calls: u64,
    observations: Vec<Observation>,
    uses: Vec<u32>,
    #[serde(default)]
    anchors: Vec<usize>,
    plan: VecDeque<Planned>,
    running: Vec<(TrialId, Planned)>,
    back: Vec<(TrialId, Planned, Observation)>,
    asked: Option<(QueryId, Choices)>,
    reflected: bool,
    steps: Vec<(Choices, Choices)>,
    children: VecDeque<Choices>,
    best: Option<usize>,
    exhausted: bool,
    /// Older states know no end.
    #[serde(default)]
    ending: Option<Ending>,
    #[serde(default)]
    toggles: Toggles,
    posterior: PosteriorState,
}

impl Snapshot for ModelSearch {
    const SCHEMA: &'static str = "prompt-grammar/model-search";
    const VERSION: u32 = 1;
    type State = ModelState;

    fn snapshot(&self) -> ModelState {
        let back = self.back.iter().map(|(id, (planned, seen))| (*id, planned.clone(), seen.clone()));
        ModelState {
            space: self.space.clone(),
            examples: self.examples.clone(),
            options: self.options.clone(),
            stream: self.stream.clone(),
            trials: self.trials,
            queries: self.queries,
            round: self.round,
            fitted: self.fitted,
            learnt: self.learnt,
            calls: self.calls,
            observations: self.tried.iter().map(|t| t.observation.clone()).collect(),
            uses: self.uses.clone(),
            anchors: self.anchors.clone(),
            plan: self.plan.clone(),
            running: self.running.iter().map(|(id, planned)| (*id, planned.clone())).collect(),
            back: back.collect(),
            asked: self.asked.clone(),
            reflected: self.reflected,
            steps: self.steps.clone(),
            children: self.children.clone(),
            best: self.best,
            exhausted: self.exhausted,
            ending: self.ending.clone(),
            toggles: self.toggles.clone(),
            posterior: self.posterior.state(),
        }
    }

    /// Takes up the whole state, space and options included, whatever this object was made with.
    fn restore(&mut self, state: ModelState) -> Result<(), RestoreError> {
        state.check().map_err(RestoreError::Body)?;
        let prompts = state.posterior.prompts().to_vec();
        let posterior = Posterior::of_state(&state.space, state.posterior)?;
        let numbers = prompts.iter().cloned().zip(0..).collect();
        let tried = prompts.into_iter().zip(state.observations);
        *self = Self {
            space: state.space,
            examples: state.examples,
            options: state.options,
            stream: state.stream,
            trials: state.trials,
            queries: state.queries,
            round: state.round,
            fitted: state.fitted,
            learnt: state.learnt,
            calls: state.calls,
            tried: tried.map(|(prompt, observation)| Tried { prompt, observation }).collect(),
            numbers,
            uses: state.uses,
            anchors: state.anchors,
            plan: state.plan,
            running: state.running.into_iter().collect(),
            back: state.back.into_iter().map(|(id, planned, seen)| (id, (planned, seen))).collect(),
            asked: state.asked,
            reflected: state.reflected,
            steps: state.steps,
            children: state.children,
            best: state.best,
            exhausted: state.exhausted,
            ending: state.ending,
            toggles: state.toggles,
            manifest: Manifest::default(),
            posterior,
        };
        Ok(())
    }
}

impl ModelState {
    fn check(&self) -> Result<(), String> {
        self.options.check().map_err(|e| e.to_string())?;
        check_examples("examples", &self.examples).map_err(|e| e.to_string())?;
        let n = self.observations.len();
        let prompts = self.posterior.prompts();
        let known: BTreeSet<&Choices> = prompts.iter().collect();
        if prompts.len() != n || known.len() != n || self.best.is_some_and(|b| b >= n) {
            return Err("prompts and observations do not fit each other".into());
        }
        let names: BTreeSet<ExampleId> = self.examples.iter().copied().collect();
        let scores = self.observations.iter().flat_map(|o| &o.instances);
        if scores.into_iter().any(|s| !names.contains(&s.example) || !s.score.is_finite()) {
            return Err("a score is no number, or of no example of this search".into());
        }
        let steps = self.steps.iter().flat_map(|(from, to)| [from, to]);
        let planned = self.plan.iter().chain(self.running.iter().map(|(_, p)| p));
        let planned = planned.chain(self.back.iter().map(|(_, p, _)| p));
        let asked = self.asked.iter().map(|(_, prompt)| prompt);
        let parents = planned.clone().filter_map(|p| p.parent.as_ref());
        let all =
            planned.clone().map(|p| &p.prompt).chain(parents).chain(steps).chain(&self.children).chain(asked);
        let contender = self.ending.iter().filter_map(|e| e.contender.as_ref());
        let mut all = all.chain(contender).chain(self.toggles.pairs.iter().flatten());
        if all.any(|p| !self.space.contains(p)) {
            return Err("a prompt is not in the space".into());
        }
        let examples = self.examples.len();
        if self.ending.as_ref().is_some_and(|e| !e.is_sound(examples, &self.options)) {
            return Err(format!("what is held out for the end does not fit the {examples} examples"));
        }
        if !self.toggles.is_sound(examples) {
            return Err(format!("toggles do not fit the {examples} examples"));
        }
        if self.anchors.iter().any(|a| *a >= examples) {
            return Err(format!("an anchor is none of the {examples} examples"));
        }
        if self.uses.len() != examples || planned.flat_map(|p| &p.examples).any(|e| *e >= examples) {
            return Err(format!("an example is none of the {examples}"));
        }
        if self.back.iter().any(|(_, p, seen)| p.examples.len() != seen.instances.len()) {
            return Err("a result does not fit its trial".into());
        }
        let ids = self.running.iter().map(|(id, _)| *id).chain(self.back.iter().map(|(id, _, _)| *id));
        let pending: BTreeMap<TrialId, usize> = ids.zip(0..).collect();
        let late = self.asked.as_ref().is_some_and(|(id, _)| id.0 >= self.queries);
        if pending.len() != self.running.len() + self.back.len()
            || pending.keys().any(|id| id.0 >= self.trials)
            || late
        {
            return Err("what is pending was never asked".into());
        }
        Ok(())
    }
}
