use std::collections::BTreeMap;

use meta_traits::{RestoreError, Snapshot, Space as _, Stream, TrialId};
use serde::{Deserialize, Serialize};

use super::{Arm, Proposal, Record, SearchOptions, WorkflowSearch, fresh};
use crate::predictor::{Scales, Trust};
use crate::workflow::{Workflow, WorkflowSpace};

/// The saved form of a [`WorkflowSearch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchState {
    space: WorkflowSpace,
    options: SearchOptions,
    stream: Stream,
    asked: u64,
    taken: u64,
    pending: BTreeMap<TrialId, Proposal>,
    arms: Vec<Arm>,
    failed: Vec<Workflow>,
    reported: (f64, f64),
    trust: Trust,
    scales: Scales,
    log: Vec<Record>,
}

impl Snapshot for WorkflowSearch {
    const SCHEMA: &'static str = "topology-neat/workflow-search";
    const VERSION: u32 = 2;
    type State = SearchState;

    fn snapshot(&self) -> SearchState {
        SearchState {
            space: self.space.clone(),
            options: self.options.clone(),
            stream: self.stream.clone(),
            asked: self.asked,
            taken: self.taken,
            pending: self.pending.clone(),
            arms: self.arms.clone(),
            failed: self.failed.clone(),
            reported: self.reported,
            trust: self.trust,
            scales: self.model.scales(),
            log: self.log.clone(),
        }
    }

    /// Takes up the whole state, space and options included, whatever this object was made with.
    fn restore(&mut self, state: SearchState) -> Result<(), RestoreError> {
        check(&state).map_err(RestoreError::Body)?;
        let mut model = fresh(&state.options);
        for arm in &state.arms {
            model.add_row(&arm.workflow, f64::from(arm.times), arm.sum, arm.squares);
        }
        model.set_scales(state.scales);
        let mut new = Self {
            space: state.space,
            options: state.options,
            stream: state.stream,
            asked: state.asked,
            taken: state.taken,
            pending: state.pending,
            arms: state.arms,
            failed: state.failed,
            reported: state.reported,
            trust: state.trust,
            model,
            seen: Vec::new(),
            best: None,
            log: state.log,
        };
        new.fit(false);
        *self = new;
        Ok(())
    }
}

fn check(state: &SearchState) -> Result<(), String> {
    state.options.check().map_err(|e| e.to_string())?;
    for (i, arm) in state.arms.iter().enumerate() {
        if !state.space.contains(&arm.workflow) || state.arms[..i].iter().any(|a| a.workflow == arm.workflow)
        {
            return Err(format!("workflow {i} is outside the space or there twice"));
        }
        if arm.times == 0 || !arm.observation.is_sound() || !(arm.sum + arm.squares).is_finite() {
            return Err(format!("workflow {i} has no finite observation"));
        }
    }
    let known = |parents: &[usize]| parents.iter().all(|p| *p < state.arms.len());
    if !state.arms.iter().all(|a| known(&a.parents)) || !state.pending.values().all(|p| known(&p.parents)) {
        return Err("a parent is no workflow seen".into());
    }
    if state.pending.keys().any(|id| id.0 >= state.asked) {
        return Err("a pending trial was never asked for".into());
    }
    if state.scales.iter().any(|s| !s.is_finite())
        || !state.trust.calibration().log_width.is_finite()
        || !(state.reported.0 / state.reported.1.max(1.0)).is_finite()
    {
        return Err("the predictor's scales are not finite".into());
    }
    Ok(())
}
