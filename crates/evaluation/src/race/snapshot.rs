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
        let n = state.decisions.len();
        let inside = |b: &Block| b.candidate < n && b.draws.iter().all(|d| d.example < state.examples);
        if (n > 0 && state.incumbent >= n)
            || !state.pending.values().all(inside)
            || state.committed > state.issued
        {
            return Err(RestoreError::Body("the blocks under way do not fit the candidates".into()));
        }
        *self = Self {
            posterior: Posterior::of_state(state.posterior)?,
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
