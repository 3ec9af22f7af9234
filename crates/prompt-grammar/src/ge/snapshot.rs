use std::collections::BTreeMap;

use meta_traits::{RestoreError, Snapshot, Stream, TrialId};
use serde::{Deserialize, Serialize};

use super::{Ge, Member, Options, Proposal};
use crate::grammar::Grammar;
use crate::mutate::{Operator, OperatorBandit};
use crate::sample::Sampler;

/// The saved form of a [`Ge`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeState {
    options: Options,
    grammar: Grammar,
    stream: Stream,
    trials: u64,
    round: u64,
    members: Vec<Member>,
    places: u64,
    tried: u64,
    proposed: u64,
    pending: Vec<(TrialId, Proposal)>,
    told: Vec<Member>,
    gains: Vec<(TrialId, (Operator, f64))>,
    bandit: OperatorBandit,
    seen: Vec<u64>,
    over: bool,
}

impl Snapshot for Ge {
    const SCHEMA: &'static str = "prompt-grammar/ge";
    const VERSION: u32 = 1;
    type State = GeState;

    fn snapshot(&self) -> GeState {
        GeState {
            options: self.options.clone(),
            grammar: self.grammar.clone(),
            stream: self.stream.clone(),
            trials: self.trials,
            round: self.round,
            members: self.members.clone(),
            places: self.places,
            tried: self.tried,
            proposed: self.proposed,
            pending: self.pending.iter().map(|(id, p)| (*id, p.clone())).collect(),
            told: self.told.clone(),
            gains: self.gains.iter().map(|(id, gain)| (*id, *gain)).collect(),
            bandit: self.bandit.clone(),
            seen: self.seen.iter().copied().collect(),
            over: self.over,
        }
    }

    /// Takes up the whole state, grammar and options included, whatever this object was made with.
    fn restore(&mut self, state: GeState) -> Result<(), RestoreError> {
        let wrong = |what: String| Err(RestoreError::Body(what));
        if let Err(fault) = state.options.check(&state.grammar) {
            return wrong(fault.to_string());
        }
        let members = state.members.iter().chain(&state.told);
        let pending = state.pending.iter().map(|(_, p)| &p.tree);
        let mut trees = members.clone().map(|m| &m.tree).chain(pending);
        if let Some(fault) = trees.find_map(|tree| tree.check(&state.grammar).err()) {
            return wrong(fault.to_string());
        }
        if members.clone().any(|m| !m.observation.is_sound() || m.trial.0 >= state.trials) {
            return wrong("a member has no finite loss, or a trial that was never asked for".into());
        }
        if state.tried > state.places || state.places > 1_000_000 {
            return wrong(format!("a round has {} places, of which {} are tried", state.places, state.tried));
        }
        let sorted = |members: &[Member]| members.windows(2).all(|p| p[0].rank(&p[1]).is_le());
        if !sorted(&state.members) || state.pending.iter().any(|(id, _)| id.0 >= state.trials) {
            return wrong(
                "the population is not sorted, or a trial is pending that was never asked for".into(),
            );
        }
        *self = Self {
            sampler: Sampler::new(&state.grammar),
            options: state.options,
            grammar: state.grammar,
            stream: state.stream,
            trials: state.trials,
            round: state.round,
            members: state.members,
            places: state.places,
            tried: state.tried,
            proposed: state.proposed,
            pending: state.pending.into_iter().collect::<BTreeMap<_, _>>(),
            told: state.told,
            gains: state.gains.into_iter().collect(),
            bandit: state.bandit,
            seen: state.seen.into_iter().collect(),
            over: state.over,
        };
        Ok(())
    }
}
