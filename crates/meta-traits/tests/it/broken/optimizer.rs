use std::sync::atomic::{AtomicU64, Ordering};

use meta_traits::conformance::{
    Check, OPTIMIZER_LAWS, OPTIMIZER_SNAPSHOT_LAWS, optimizer, optimizer_snapshot,
};
use meta_traits::{
    Ask, Components, Observation, Optimizer, Outcome, Query, QueryId, Reply, RestoreError, Snapshot,
    StopReason, TellError, TrialId,
};
use serde::{Deserialize, Serialize};

use crate::random_search::{RandomSearch, stairs};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fault {
    IdsFall,
    LeavesTheSpace,
    BatchTooLarge,
    WaitsForNothing,
    ChangesItsReason,
    DoneAtOnce,
    RefusesFailures,
    AcceptsUnknown,
    CountsRefused,
    TakesAnyLoss,
    BestBeforeTold,
    QueriesForEver,
    LastTellWins,
    SharedCounter,
    ForgetsPending,
    CountsRestores,
    KeepsALog,
}

/// Random search with one fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Broken {
    inner: RandomSearch,
    fault: Fault,
    asks: u64,
    refused: u64,
    failures: u64,
    queries: u64,
    open_queries: Vec<u64>,
    restores: u64,
    log: Vec<u64>,
    own_best: Option<(f64, Observation)>,
    candidates: Vec<f64>,
}

impl Broken {
    fn new(seed: u64, fault: Fault) -> Self {
        let limit = if fault == Fault::ChangesItsReason { 10 } else { u64::MAX };
        Self {
            inner: RandomSearch::new(seed, limit),
            fault,
            asks: 0,
            refused: 0,
            failures: 0,
            queries: 0,
            open_queries: Vec::new(),
            restores: 0,
            log: Vec::new(),
            own_best: None,
            candidates: Vec::new(),
        }
    }

    /// The id shown outside for an id inside, and back.
    fn flip(&self, id: TrialId) -> TrialId {
        if self.fault == Fault::IdsFall { TrialId(1_000_000 - id.0) } else { id }
    }
}

impl Optimizer for Broken {
    type Candidate = f64;

    fn ask(&mut self) -> Ask<f64> {
        self.asks += 1;
        match self.fault {
            Fault::WaitsForNothing if self.asks == 7 => return Ask::Wait,
            Fault::DoneAtOnce => return Ask::Done(StopReason::Exhausted),
            Fault::QueriesForEver if self.failures > 10 => {
                self.queries += 1;
                self.open_queries.push(self.queries);
                let id = QueryId(self.queries);
                return Ask::Query(Query::new(id, "a".into(), Components::new(), Vec::new()));
            }
            _ => {}
        }
        match self.inner.ask() {
            Ask::Run(mut trial) => {
                match self.fault {
                    Fault::LeavesTheSpace if self.asks.is_multiple_of(5) => trial.candidate += 1.0,
                    Fault::SharedCounter => {
                        trial.candidate *= 1.0 / (1 + CALLS.fetch_add(1, Ordering::Relaxed) % 7) as f64;
                    }
                    Fault::CountsRefused if self.refused > 0 => trial.candidate *= 0.5,
                    Fault::BestBeforeTold => {
                        self.own_best = Some((trial.candidate, Observation::of_loss(0.0)));
                    }
                    Fault::KeepsALog => self.log.push(trial.id.0),
                    Fault::TakesAnyLoss | Fault::LastTellWins => self.candidates.push(trial.candidate),
                    _ => {}
                }
                trial.id = self.flip(trial.id);
                Ask::Run(trial)
            }
            Ask::Done(_) if self.fault == Fault::ChangesItsReason && self.asks.is_multiple_of(2) => {
                Ask::Done(StopReason::Stagnation)
            }
            other => other,
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let failed = matches!(outcome, Outcome::Failed { .. } | Outcome::Abandoned);
        if self.fault == Fault::RefusesFailures && failed {
            return Err(TellError::Mismatch("failures are not welcome".into()));
        }
        let told = self.inner.tell(self.flip(id), outcome.clone());
        if told.is_err() {
            self.refused += 1;
            return if self.fault == Fault::AcceptsUnknown { Ok(()) } else { told };
        }
        self.failures += u64::from(failed);
        if let Outcome::Complete(seen) = outcome {
            let candidate = self.candidates.get(id.0 as usize).copied().unwrap_or_default();
            let takes = match self.fault {
                Fault::LastTellWins => seen.is_sound(),
                Fault::TakesAnyLoss => {
                    self.own_best.as_ref().is_none_or(|(_, best)| seen.losses[0] < best.losses[0])
                }
                _ => false,
            };
            if takes {
                self.own_best = Some((candidate, seen));
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, _: Reply) -> Result<(), TellError> {
        let open = self.open_queries.iter().position(|open| *open == id.0);
        self.open_queries.remove(open.ok_or(TellError::UnknownQuery(id))?);
        Ok(())
    }

    fn best(&self) -> Option<(&f64, &Observation)> {
        match self.fault {
            Fault::TakesAnyLoss | Fault::BestBeforeTold | Fault::LastTellWins => {
                self.own_best.as_ref().map(|(c, o)| (c, o))
            }
            _ => self.inner.best(),
        }
    }

    fn ask_batch(&mut self, n: std::num::NonZeroUsize) -> Vec<Ask<f64>> {
        let extra = usize::from(self.fault == Fault::BatchTooLarge);
        let mut batch = Vec::new();
        while batch.len() < n.get() + extra {
            match self.ask() {
                work @ (Ask::Run(_) | Ask::Query(_)) => batch.push(work),
                end if batch.is_empty() => return vec![end],
                _ => break,
            }
        }
        batch
    }
}

impl Snapshot for Broken {
    const SCHEMA: &'static str = "tests/broken";
    const VERSION: u32 = 1;
    type State = Self;

    fn snapshot(&self) -> Self {
        let mut state = self.clone();
        if self.fault == Fault::ForgetsPending {
            state.candidates.clear();
            state.inner.forget_pending();
        }
        state
    }

    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        *self = state;
        self.restores += u64::from(self.fault == Fault::CountsRestores);
        Ok(())
    }
}

fn kit_for(fault: Fault) -> Check<'static, Broken> {
    Check::new(
        move |seed| Broken::new(seed, fault),
        |c| (0.0..1.0).contains(c),
        |trial, _| stairs(trial.candidate),
    )
}

#[test]
fn each_law_is_enforced() {
    let cases = [
        ("ids-increase", Fault::IdsFall),
        ("candidate-in-space", Fault::LeavesTheSpace),
        ("batch-fits", Fault::BatchTooLarge),
        ("wait-needs-pending", Fault::WaitsForNothing),
        ("done-is-final", Fault::ChangesItsReason),
        ("proposes-something", Fault::DoneAtOnce),
        ("pending-tell-accepted", Fault::RefusesFailures),
        ("unknown-tell-refused", Fault::AcceptsUnknown),
        ("refused-tell-changes-nothing", Fault::CountsRefused),
        ("best-is-finite", Fault::TakesAnyLoss),
        ("best-was-observed", Fault::BestBeforeTold),
        ("ask-survives-failures", Fault::QueriesForEver),
        ("tell-order-keeps-best", Fault::LastTellWins),
        ("same-seed-same-run", Fault::SharedCounter),
    ];
    super::check(OPTIMIZER_LAWS, &cases, |fault| optimizer(&kit_for(fault)));
}

#[test]
fn each_snapshot_law_is_enforced() {
    let cases = [
        ("snapshot-continues", Fault::ForgetsPending),
        ("snapshot-is-stable", Fault::CountsRestores),
        ("memory-bounded-in-pending", Fault::KeepsALog),
    ];
    super::check(OPTIMIZER_SNAPSHOT_LAWS, &cases, |fault| optimizer_snapshot(&kit_for(fault)));
}

#[test]
fn what_the_driver_drains_does_not_count_as_memory() {
    let drained = kit_for(Fault::KeepsALog).upkeep(|broken| broken.log.clear());
    assert_eq!(optimizer_snapshot(&drained), Ok(()));
}
