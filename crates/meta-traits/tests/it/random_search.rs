//! A small correct optimizer: random search over [0, 1], with a limit of trials.

use std::collections::BTreeMap;

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, RestoreError, Snapshot, StopReason, Stream,
    TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RandomSearch {
    root: Stream,
    next: u64,
    limit: u64,
    pending: BTreeMap<u64, f64>,
    best: Option<(TrialId, f64, Observation)>,
}

impl RandomSearch {
    pub(crate) fn new(seed: u64, limit: u64) -> Self {
        Self { root: Stream::root(seed), next: 0, limit, pending: BTreeMap::new(), best: None }
    }

    pub(crate) fn forget_pending(&mut self) {
        self.pending.clear();
    }
}

impl Optimizer for RandomSearch {
    type Candidate = f64;

    fn ask(&mut self) -> Ask<f64> {
        if self.next == self.limit {
            return if self.pending.is_empty() { Ask::Done(StopReason::Rounds) } else { Ask::Wait };
        }
        let id = TrialId(self.next);
        self.next += 1;
        let candidate = self.root.child("candidate", id.0).unit();
        self.pending.insert(id.0, candidate);
        Ask::Run(Trial::new(id, candidate, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let candidate = self.pending.remove(&id.0).ok_or(TellError::UnknownTrial(id))?;
        if let Outcome::Complete(seen) = outcome
            && seen.is_sound()
        {
            let better = |(held, _, best): &(TrialId, f64, Observation)| {
                (seen.losses[0], id) < (best.losses[0], *held)
            };
            if self.best.as_ref().is_none_or(better) {
                self.best = Some((id, candidate, seen));
            }
        }
        Ok(())
    }

    fn best(&self) -> Option<(&f64, &Observation)> {
        self.best.as_ref().map(|(_, candidate, seen)| (candidate, seen))
    }
}

impl Snapshot for RandomSearch {
    const SCHEMA: &'static str = "tests/random-search";
    const VERSION: u32 = 1;
    type State = Self;
    fn snapshot(&self) -> Self {
        self.clone()
    }
    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        if state.next > state.limit {
            return Err(RestoreError::Body("more trials than the limit".into()));
        }
        *self = state;
        Ok(())
    }
}

/// Many ties, so that their order matters.
pub(crate) fn stairs(candidate: f64) -> Outcome {
    Outcome::Complete(Observation::of_loss((candidate * 4.0).floor() / 4.0))
}

#[test]
fn passes_the_kit() {
    for limit in [1, 30, u64::MAX] {
        let check = Check::new(
            |seed| RandomSearch::new(seed, limit),
            |c| (0.0..1.0).contains(c),
            |t, _| stairs(t.candidate),
        );
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}

#[test]
fn passes_the_kit_as_a_trait_object() {
    let check = Check::new(
        |seed| Box::new(RandomSearch::new(seed, 60)) as Box<dyn Optimizer<Candidate = f64>>,
        |c| (0.0..1.0).contains(c),
        |t, rng| Outcome::Complete(Observation::of_loss(t.candidate + rng.unit())),
    )
    .seeds(5..8)
    .steps(20)
    .width(7);
    check_optimizer(&check);
}
