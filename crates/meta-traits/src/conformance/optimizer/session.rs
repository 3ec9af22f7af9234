//! One optimizer under test: asks, keeps the books on what is pending, and tells.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::num::NonZeroUsize;

use super::{ACCEPTED, BATCH, Check, DONE, FINITE, IDS, INSIDE, OBSERVED, WAIT};
use crate::conformance::Violation;
use crate::{
    Ask, Cost, ErrorKind, Observation, Optimizer, Outcome, Query, QueryId, Reply, StopReason, Stream, Trial,
    TrialId, Verdict,
};

/// How trials end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treat {
    /// As evaluated.
    Honest,
    /// Failed, and worth another try.
    Transient,
    /// Failed for good.
    Permanent,
    /// Dropped.
    Abandon,
    /// Complete, with a loss of NaN, infinity or minus infinity in turn.
    Unsound,
    /// One of the others, drawn for the trial.
    Mixed,
    /// Failed or dropped, drawn for the trial.
    Storm,
}

/// What a round of asking came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// So many trials and queries became pending.
    Work { trials: usize, queries: usize },
    /// Nothing until something is told.
    Wait,
    /// The search is over.
    Done(StopReason),
}

pub(super) struct Session<'s, 'c, O: Optimizer> {
    check: &'s Check<'c, O>,
    seed: u64,
    pub(super) optimizer: O,
    pub(super) trials: Vec<Trial<O::Candidate>>,
    pub(super) queries: Vec<Query>,
    pub(super) last_trial: Option<TrialId>,
    pub(super) last_query: Option<QueryId>,
    sound_seen: bool,
    /// All that was seen of the optimizer since the last look.
    seen: Vec<String>,
}

impl<'s, 'c, O: Optimizer> Session<'s, 'c, O>
where
    O::Candidate: Debug,
{
    pub(super) fn new(check: &'s Check<'c, O>, seed: u64) -> Self {
        Self {
            check,
            seed,
            optimizer: (check.factory)(seed),
            trials: Vec::new(),
            queries: Vec::new(),
            last_trial: None,
            last_query: None,
            sound_seen: false,
            seen: Vec::new(),
        }
    }

    /// Takes what was seen since the last call: asks and bests in `Debug` form.
    pub(super) fn take_seen(&mut self) -> Vec<String> {
        core::mem::take(&mut self.seen)
    }

    /// Asks for up to `width` things and checks what comes.
    pub(super) fn ask(&mut self, width: usize) -> Result<Round, Violation> {
        (self.check.upkeep)(&mut self.optimizer);
        let idle = self.trials.is_empty() && self.queries.is_empty();
        let batch = match NonZeroUsize::new(width) {
            Some(width) if width.get() > 1 => self.optimizer.ask_batch(width),
            _ => alloc::vec![self.optimizer.ask()],
        };
        if batch.is_empty() || batch.len() > width.max(1) {
            return Err(Violation::new(BATCH, format!("asked for {width}, got {}", batch.len())));
        }
        let alone = batch.len() == 1;
        let (mut trials, mut queries) = (0, 0);
        for ask in batch {
            self.seen.push(format!("{ask:?}"));
            match ask {
                Ask::Run(trial) => {
                    trials += 1;
                    self.admit(trial)?;
                }
                Ask::Query(query) => {
                    queries += 1;
                    if self.last_query.is_some_and(|last| query.id <= last) {
                        let last = self.last_query;
                        return Err(Violation::new(IDS, format!("{:?} follows {last:?}", query.id)));
                    }
                    self.last_query = Some(query.id);
                    self.queries.push(query);
                }
                Ask::Wait | Ask::Done(_) if !alone => {
                    return Err(Violation::new(BATCH, "Wait or Done stands beside other entries of a batch"));
                }
                Ask::Wait if idle => {
                    return Err(Violation::new(WAIT, "Wait, and nothing is pending"));
                }
                Ask::Wait => return Ok(Round::Wait),
                Ask::Done(reason) => return Ok(Round::Done(reason)),
            }
        }
        Ok(Round::Work { trials, queries })
    }

    fn admit(&mut self, trial: Trial<O::Candidate>) -> Result<(), Violation> {
        if self.last_trial.is_some_and(|last| trial.id <= last) {
            return Err(Violation::new(IDS, format!("{:?} follows {:?}", trial.id, self.last_trial)));
        }
        self.last_trial = Some(trial.id);
        if !(self.check.contains)(&trial.candidate) {
            return Err(Violation::new(
                INSIDE,
                format!("{:?} of {:?} is outside the space", trial.candidate, trial.id),
            ));
        }
        self.trials.push(trial);
        Ok(())
    }

    /// What `trial` would come to if evaluated. A function of the trial and the seed.
    pub(super) fn evaluate(&self, trial: &Trial<O::Candidate>) -> Outcome {
        let mut rng = Stream::root(self.seed).child("conformance/evaluate", trial.id.0);
        (self.check.evaluate)(trial, &mut rng)
    }

    /// Answers every pending query.
    pub(super) fn answer_all(&mut self, willing: bool) -> Result<(), Violation> {
        for query in core::mem::take(&mut self.queries) {
            let mut rng = Stream::root(self.seed).child("conformance/reply", query.id.0);
            let reply = if willing {
                (self.check.reply)(&query, &mut rng)
            } else {
                Reply::Failed("nobody answers".to_string())
            };
            if let Err(error) = self.optimizer.answer(query.id, reply) {
                return Err(Violation::new(
                    ACCEPTED,
                    format!("the answer to {:?} failed: {error}", query.id),
                ));
            }
        }
        Ok(())
    }

    /// Tells the pending trial at `position`, and checks the best after it.
    pub(super) fn tell(&mut self, position: usize, treat: Treat) -> Result<(), Violation> {
        let trial = self.trials.remove(position);
        let mut draw = Stream::root(self.seed).child("conformance/treat", trial.id.0);
        let treat = match treat {
            Treat::Mixed => [
                Treat::Honest,
                Treat::Honest,
                Treat::Transient,
                Treat::Permanent,
                Treat::Abandon,
                Treat::Unsound,
            ][draw.below(6)],
            Treat::Storm => [Treat::Transient, Treat::Permanent, Treat::Abandon][draw.below(3)],
            plain => plain,
        };
        let failed =
            |kind| Outcome::Failed { kind, message: "storm".to_string(), cost: Cost::evaluations(1) };
        let outcome = match treat {
            Treat::Transient => failed(ErrorKind::Transient),
            Treat::Permanent => failed(ErrorKind::Permanent),
            Treat::Abandon => Outcome::Abandoned,
            Treat::Unsound => unsound(self.evaluate(&trial), trial.id.0),
            Treat::Honest | Treat::Mixed | Treat::Storm => self.pruned_if_advised(&trial),
        };
        self.sound_seen |= match &outcome {
            Outcome::Complete(o) | Outcome::Pruned { last: o, .. } => o.is_sound(),
            _ => false,
        };
        let unsound = treat == Treat::Unsound;
        match self.optimizer.tell(trial.id, outcome) {
            Err(_) if unsound => self.tell_or(trial.id, failed(ErrorKind::Numerical))?,
            Err(error) => {
                return Err(Violation::new(
                    ACCEPTED,
                    format!("{:?} is pending, yet telling it failed: {error}", trial.id),
                ));
            }
            Ok(()) => {}
        }
        self.look_at_best()
    }

    fn tell_or(&mut self, id: TrialId, outcome: Outcome) -> Result<(), Violation> {
        self.optimizer.tell(id, outcome).map_err(|error| {
            Violation::new(
                ACCEPTED,
                format!("{id:?} is pending after a mismatch, yet telling it failed: {error}"),
            )
        })
    }

    fn pruned_if_advised(&mut self, trial: &Trial<O::Candidate>) -> Outcome {
        match self.evaluate(trial) {
            Outcome::Complete(o) if self.optimizer.tell_partial(trial.id, &o) == Verdict::Stop => {
                Outcome::Pruned { at: trial.fidelity, last: o }
            }
            outcome => outcome,
        }
    }

    fn look_at_best(&mut self) -> Result<(), Violation> {
        let Some((candidate, observation)) = self.optimizer.best() else {
            self.seen.push("no best".to_string());
            return Ok(());
        };
        if observation.losses.is_empty() || observation.losses.iter().any(|l| !l.is_finite()) {
            return Err(Violation::new(FINITE, format!("the best has losses {:?}", observation.losses)));
        }
        if !self.sound_seen {
            return Err(Violation::new(
                OBSERVED,
                format!("{candidate:?} is the best, yet nothing sound was told"),
            ));
        }
        if !(self.check.contains)(candidate) {
            return Err(Violation::new(INSIDE, format!("the best, {candidate:?}, is outside the space")));
        }
        self.seen.push(format!("best {candidate:?} {observation:?}"));
        Ok(())
    }

    /// Asks for up to `width` things, then answers and tells all that is pending, oldest first.
    pub(super) fn round(&mut self, width: usize, treat: Treat) -> Result<Round, Violation> {
        let round = self.ask(width)?;
        let willing = matches!(treat, Treat::Honest | Treat::Mixed | Treat::Unsound);
        self.answer_all(willing)?;
        while !self.trials.is_empty() {
            self.tell(0, treat)?;
        }
        if let Round::Done(reason) = round {
            for _ in 0..2 {
                match self.ask(1)? {
                    Round::Done(again) if again == reason => {}
                    other => {
                        return Err(Violation::new(
                            DONE,
                            format!("Done({reason:?}) is followed by {other:?}"),
                        ));
                    }
                }
            }
        }
        Ok(round)
    }

    /// The best in `Debug` form.
    pub(super) fn best(&self) -> String {
        format!("{:?}", self.optimizer.best())
    }
}

/// The same outcome with every loss and score replaced by what no optimizer may take for good.
fn unsound(outcome: Outcome, turn: u64) -> Outcome {
    let bad = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY][(turn % 3) as usize];
    let mut observation = match outcome {
        Outcome::Complete(o) | Outcome::Pruned { last: o, .. } => o,
        _ => Observation::of_loss(bad),
    };
    observation.losses.iter_mut().for_each(|loss| *loss = bad);
    observation.instances.iter_mut().for_each(|scored| scored.score = -(bad as f32));
    Outcome::Complete(observation)
}
