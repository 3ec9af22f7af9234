//! A small text optimizer with a known optimum, to drive the run loop without any pillar.

use meta_traits::{
    Ask, BoxFuture, Components, Cost, Evaluator, ExampleId, Fidelity, Instances, Observation, Optimizer,
    Outcome, Query, QueryId, Reply, RestoreError, Scored, Snapshot, Split, StopReason, Stream, TellError,
    Trial, TrialId,
};
use orchestrator_core::run::{Proposal, Proposer, Search};
use serde::{Deserialize, Serialize};

/// Hill climbing on one component: asks for a new text, keeps it if its mean score is not lower.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Climber {
    next: u64,
    rounds: u64,
    best: Option<(Components, Observation)>,
    pending: Option<(TrialId, Components)>,
    asked: Option<QueryId>,
    proposed: Option<Components>,
    seed: Components,
    val: Vec<ExampleId>,
}

impl Climber {
    pub(crate) fn new(rounds: u64) -> Self {
        let val = (0..6).map(|i| ExampleId::new(Split::Val, i)).collect();
        let seed = [("word", "aaaa")].into_iter().collect();
        Self { next: 0, rounds, best: None, pending: None, asked: None, proposed: None, seed, val }
    }
}

impl Optimizer for Climber {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        if self.pending.is_some() || self.asked.is_some() {
            return Ask::Wait;
        }
        let candidate = match (&self.best, self.proposed.take()) {
            (None, _) => self.seed.clone(),
            (Some(_), Some(proposed)) => proposed,
            (Some(_), None) if self.rounds == 0 => return Ask::Done(StopReason::Rounds),
            (Some((best, seen)), None) => {
                self.rounds -= 1;
                let id = QueryId(self.next);
                self.next += 1;
                self.asked = Some(id);
                return Ask::Query(Query::new(id, "word".into(), best.clone(), seen.instances.clone()));
            }
        };
        let id = TrialId(self.next);
        self.next += 1;
        self.pending = Some((id, candidate.clone()));
        Ask::Run(Trial::new(id, candidate, Fidelity::FULL, Instances::Exactly(self.val.clone())).traced())
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let Some((_, candidate)) = self.pending.take_if(|(pending, _)| *pending == id) else {
            return Err(TellError::UnknownTrial(id));
        };
        if let Outcome::Complete(seen) = outcome {
            let better = self.best.as_ref().is_none_or(|(_, best)| seen.losses[0] <= best.losses[0]);
            if seen.is_sound() && better {
                self.best = Some((candidate, seen));
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        if self.asked.take_if(|asked| *asked == id).is_none() {
            return Err(TellError::UnknownQuery(id));
        }
        if let Reply::Text(text) = reply {
            self.proposed = Some([("word", text)].into_iter().collect());
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        self.best.as_ref().map(|(c, o)| (c, o))
    }
}

impl Snapshot for Climber {
    const SCHEMA: &'static str = "test/climber";
    const VERSION: u32 = 1;
    type State = Self;
    fn snapshot(&self) -> Self {
        self.clone()
    }
    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        *self = state;
        Ok(())
    }
}

impl Search for Climber {}

/// Changes one random letter.
pub(crate) struct Letters;

impl Proposer for Letters {
    fn propose<'a>(&'a self, query: &'a Query, mut rng: Stream) -> BoxFuture<'a, Proposal> {
        let mut text: Vec<u8> = query.candidate.get("word").unwrap_or_default().bytes().collect();
        let at = rng.below(text.len());
        text[at] = b'a' + rng.below(26) as u8;
        let reply = Reply::Text(String::from_utf8(text).expect("letters"));
        Box::pin(async move { Proposal { reply, cost: Cost::tokens(1, 10, 4) } })
    }
    fn cap(&self, _: &Query) -> Cost {
        Cost::tokens(1, 20, 20)
    }
}

/// Scores a word by its distance from `rust`, with noise from the stream; counts what it was asked.
pub(crate) struct Words {
    pub(crate) calls: std::sync::atomic::AtomicU64,
    pub(crate) block: usize,
    pub(crate) concurrent: usize,
    /// Fails from this call on, for as many calls.
    pub(crate) failing: std::ops::Range<u64>,
    pub(crate) kind: meta_traits::ErrorKind,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self {
            calls: 0.into(),
            block: 1,
            concurrent: 3,
            failing: 0..0,
            kind: meta_traits::ErrorKind::Transient,
        }
    }
}

impl Evaluator<Components> for Words {
    fn evaluate<'a>(&'a self, trial: &'a Trial<Components>, rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let call = self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            // Later examples finish first, so that the order of completion is not the order of asking.
            let Instances::Draws(draws) = &trial.on else { panic!("drivers give draws") };
            for _ in 0..(10 - draws[0].example.index.min(9)) {
                tokio::task::yield_now().await;
            }
            let cost = Cost::tokens(draws.len() as u64, 7, 1);
            if self.failing.contains(&call) {
                return Outcome::Failed { kind: self.kind, message: format!("call {call} failed"), cost };
            }
            let word = trial.candidate.get("word").unwrap_or_default();
            let score = |d: &meta_traits::Draw| {
                let far: u32 = word.bytes().zip(b"rust").map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                let mut noise =
                    rng.child("draw", u64::from(d.example.index)).child("repeat", u64::from(d.repeat));
                let mut scored = Scored::new(*d, (1.0 - f64::from(far) / 100.0 + 0.1 * noise.unit()) as f32);
                scored.notes =
                    vec![meta_traits::Note { component: "word".into(), text: format!("{far} off") }];
                scored
            };
            Outcome::Complete(Observation::of_scores(draws.iter().map(score).collect(), cost))
        })
    }
    fn batching(&self) -> meta_traits::Batching {
        meta_traits::Batching { block: self.block, concurrent: self.concurrent }
    }
    fn cap(&self, trial: &Trial<Components>) -> Cost {
        let Instances::Draws(draws) = &trial.on else { return Cost::ZERO };
        let n = draws.len() as u64;
        Cost::tokens(n, 10 * n, n) + Cost::evaluations(n)
    }
}
