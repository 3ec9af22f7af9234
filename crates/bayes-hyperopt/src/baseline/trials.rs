use std::cmp::Ordering;
use std::collections::BTreeMap;

use meta_traits::{Fidelity, Instances, Observation, Outcome, TellError, Trial, TrialId};
use serde::{Deserialize, Serialize};

use super::search::{Ended, Ending};
use crate::Configuration;

/// What is running, and the best that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trials<N> {
    next: u64,
    pending: BTreeMap<u64, Pending<N>>,
    best: Option<Best>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending<N> {
    pub(super) latent: Vec<f64>,
    pub(super) candidate: Configuration,
    pub(super) fidelity: Fidelity,
    pub(super) note: N,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    fidelity: Fidelity,
    id: TrialId,
    candidate: Configuration,
    observation: Observation,
}

impl<N> Trials<N> {
    pub(super) fn new() -> Self {
        Self { next: 0, pending: BTreeMap::new(), best: None }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &Pending<N>> {
        self.pending.values()
    }

    pub(super) fn open(&mut self, pending: Pending<N>) -> Trial<Configuration> {
        let id = self.next;
        self.next += 1;
        let trial = Trial::new(TrialId(id), pending.candidate.clone(), pending.fidelity, Instances::Driver);
        self.pending.insert(id, pending);
        trial
    }

    /// Ends a trial.
    pub(super) fn close(&mut self, id: TrialId, outcome: Outcome) -> Result<Ended<N>, TellError> {
        let pending = self.pending.remove(&id.0).ok_or(TellError::UnknownTrial(id))?;
        let Pending { latent, candidate, fidelity, note } = pending;
        let cost = outcome.cost();
        let ended = |fidelity, ending| Ended { id, latent, fidelity, ending, cost, note };
        let (reached, observation) = match outcome {
            Outcome::Complete(observation) => (fidelity, Some(observation)),
            Outcome::Pruned { at, last } => (at, Some(last)),
            Outcome::Abandoned => return Ok(ended(fidelity, Ending::Abandoned)),
            _ => (fidelity, None),
        };
        let Some(observation) = observation.filter(Observation::is_sound) else {
            return Ok(ended(reached, Ending::Failed));
        };
        let loss = observation.losses[0];
        // Full evaluations come before cheaper ones; of equals the first asked for stays, whenever it is told.
        let better = |held: &Best| match reached.get().total_cmp(&held.fidelity.get()) {
            Ordering::Greater => true,
            Ordering::Equal => (loss, id) < (held.observation.losses[0], held.id),
            Ordering::Less => false,
        };
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(Best { fidelity: reached, id, candidate, observation });
        }
        Ok(ended(reached, Ending::Loss(loss)))
    }

    pub(super) fn best(&self) -> Option<(&Configuration, &Observation)> {
        self.best.as_ref().map(|best| (&best.candidate, &best.observation))
    }
}
