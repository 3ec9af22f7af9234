use std::collections::BTreeMap;

use meta_traits::{RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::claim::Claims;
use super::posterior::PosteriorState;
use super::{Block, Decision, Ledger, Posterior, Race, RaceOptions};

/// The saved form of a [`Race`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RaceState {
    options: RaceOptions,
    stream: Stream,
    examples: usize,
    posterior: PosteriorState,
    ledger: Ledger,
    claims: Claims,
    decisions: Vec<Decision>,
    incumbent: usize,
    issued: u64,
    committed: u64,
    calls: u64,
    pending: BTreeMap<u64, Block>,
    arrived: BTreeMap<u64, Vec<f64>>,
}

impl Snapshot for Race {
    const SCHEMA: &'static str = "evaluation/race";
    const VERSION: u32 = 1;
    type State = RaceState;

    fn snapshot(&self) -> RaceState {
        RaceState {
            options: self.options.clone(),
            stream: self.stream.clone(),
            examples: self.examples,
            posterior: self.posterior.state(),
            ledger: self.ledger.clone(),
            claims: self.claims.clone(),
            decisions: self.decisions.clone(),
            incumbent: self.incumbent,
            issued: self.issued,
            committed: self.committed,
            calls: self.calls,
            pending: self.pending.clone(),
            arrived: self.arrived.clone(),
        }
    }

    fn restore(&mut self, state: RaceState) -> Result<(), RestoreError> {
        if !state.is_sound() {
            return Err(RestoreError::Body("the blocks under way do not fit the candidates".into()));
        }
        state.options.check(state.examples).map_err(|e| RestoreError::Body(e.to_string()))?;
        let posterior = Posterior::of_state(state.posterior)?;
        if !posterior.is_of_candidates(state.decisions.len(), state.examples) {
            return Err(RestoreError::Body("the model is of other candidates or examples".into()));
        }
        *self = Self {
            posterior,
            options: state.options,
            stream: state.stream,
            examples: state.examples,
            ledger: state.ledger,
            claims: state.claims,
            decisions: state.decisions,
            incumbent: state.incumbent,
            issued: state.issued,
            committed: state.committed,
            calls: state.calls,
            pending: state.pending,
            arrived: state.arrived,
        };
        Ok(())
    }
}

impl RaceState {
    fn is_sound(&self) -> bool {
        let n = self.decisions.len();
        let inside = |b: &Block| {
            b.candidate < n && !b.draws.is_empty() && b.draws.iter().all(|d| d.example < self.examples)
        };
        let under_way = |id: &u64| (self.committed..self.issued).contains(id);
        let answers = |(id, scores): (&u64, &Vec<f64>)| {
            self.pending.get(id).is_some_and(|b| scores.is_empty() || scores.len() == b.draws.len())
        };
        (n == 0 || self.incumbent < n)
            && self.issued < u64::MAX
            && self.pending.len() as u64 == self.issued.saturating_sub(self.committed)
            && self.pending.keys().all(under_way)
            && self.pending.values().all(inside)
            && self.arrived.iter().all(answers)
            && self.ledger.fits(n, self.examples)
            && self.claims.fit(n)
    }
}
