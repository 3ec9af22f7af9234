//! Reflective rewriting steered by the evaluation scheduler.

mod options;
mod round;
mod versions;

use evaluation::race::{PartId, Posterior, Prior};
use meta_traits::{
    Ask, Components, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, Query, QueryId, Reply,
    Scored, Split, StopReason, Stream, TellError, Trial, TrialId,
};
use prompt_grammar::PromptError;

use self::round::{Pending, Step};
use self::versions::Versions;

pub use self::options::Options;

/// GEPA's reflection with the evaluation scheduler in place of its gate and its full validation.
#[derive(Clone, Debug)]
pub struct Racing {
    names: Vec<String>,
    examples: Vec<ExampleId>,
    options: Options,
    stream: Stream,
    posterior: Posterior,
    versions: Versions,
    entrants: Vec<Entrant>,
    fresh: Vec<PartId>,
    todo: Vec<usize>,
    base: Vec<PartId>,
    rounds: u64,
    idle: u64,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    best: Option<(usize, Components, Observation)>,
}

/// A combination that was evaluated.
#[derive(Clone, Debug)]
struct Entrant {
    parts: Vec<PartId>,
    scores: Vec<Scored>,
}

impl Racing {
    /// A search from `seed`.
    ///
    /// # Errors
    /// [`PromptError`] when the seed or a split is empty.
    pub fn new(
        seed: Components,
        train: Vec<ExampleId>,
        val: Vec<ExampleId>,
        options: Options,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        if seed.is_empty() {
            return Err(PromptError::Empty { what: "the seed candidate" });
        }
        let names: Vec<String> = seed.names().map(str::to_owned).collect();
        let examples: Vec<ExampleId> = train.into_iter().chain(val).collect();
        let prior = options.prior;
        let mut posterior = Posterior::new(names.len(), examples.len(), prior);
        let mut versions = Versions::new(examples.len());
        let mut base = Vec::new();
        for (slot, (_, text)) in seed.iter().enumerate() {
            let part = posterior.part(slot, None);
            versions.add(slot, text.to_owned());
            base.push(part);
        }
        Ok(Self {
            names,
            examples,
            options,
            stream,
            posterior,
            versions,
            entrants: Vec::new(),
            fresh: Vec::new(),
            todo: Vec::new(),
            base,
            rounds: 0,
            idle: 0,
            trials: 0,
            queries: 0,
            step: Step::Next,
            pending: None,
            best: None,
        })
    }

    fn candidate(&self, parts: &[PartId]) -> Components {
        self.names.iter().map(String::as_str).zip(parts.iter().map(|&p| self.versions.text(p))).collect()
    }

    fn check(&self, seen: &Observation, on: &[usize]) -> Result<(), TellError> {
        if seen.instances.len() != on.len() {
            let (n, m) = (on.len(), seen.instances.len());
            return Err(TellError::Mismatch(format!("{n} examples were asked for, {m} are reported")));
        }
        for (i, (scored, example)) in seen.instances.iter().zip(on).enumerate() {
            if scored.example != self.examples[*example] || !scored.score.is_finite() {
                return Err(TellError::Mismatch(format!(
                    "result {i} is of {} with {}",
                    scored.example, scored.score
                )));
            }
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }
}

impl Optimizer for Racing {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        if self.pending.is_some() {
            return Ask::Wait;
        }
        if self.step == Step::Next {
            self.step = self.plan();
        }
        match &self.step {
            Step::Over(reason) => Ask::Done(*reason),
            Step::Write { part, evidence } => {
                let id = QueryId(self.queries);
                self.queries += 1;
                self.pending = Some(Pending::Query(id));
                let slot = self.versions.slot(*part);
                let mut parts = self.base.clone();
                parts[slot] = *part;
                Ask::Query(Query::new(id, self.names[slot].clone(), self.candidate(&parts), evidence.clone()))
            }
            Step::Block { parts, on } => {
                let id = TrialId(self.trials);
                self.trials += 1;
                self.pending = Some(Pending::Trial(id));
                let examples = on.iter().map(|&j| self.examples[j]).collect();
                Ask::Run(
                    Trial::new(id, self.candidate(parts), Fidelity::FULL, Instances::Exactly(examples))
                        .traced(),
                )
            }
            Step::Next => Ask::Wait,
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        if self.pending != Some(Pending::Trial(id)) {
            return Err(TellError::UnknownTrial(id));
        }
        let Step::Block { parts, on } = &self.step else { return Err(TellError::UnknownTrial(id)) };
        if let Outcome::Complete(seen) = &outcome {
            self.check(seen, on)?;
        }
        self.pending = None;
        let (parts, on) = (parts.clone(), on.clone());
        self.step = Step::Next;
        match outcome {
            Outcome::Complete(seen) => self.complete(parts, &on, seen),
            Outcome::Failed { .. } if self.entrants.is_empty() => {
                self.step = Step::Over(StopReason::Failures)
            }
            _ => self.fresh.clear(),
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        if self.pending != Some(Pending::Query(id)) {
            return Err(TellError::UnknownQuery(id));
        }
        self.pending = None;
        let Step::Write { part, .. } = std::mem::replace(&mut self.step, Step::Next) else { return Ok(()) };
        if let Reply::Text(text) = reply {
            self.written(part, text);
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        self.best.as_ref().map(|(_, candidate, seen)| (candidate, seen))
    }
}

fn is_train(example: ExampleId) -> bool {
    example.split == Split::Train
}

impl meta_traits::DynSnapshot for Racing {
    fn save(&self) -> meta_traits::Envelope {
        todo!()
    }
    fn load(&mut self, _: meta_traits::Envelope) -> Result<(), meta_traits::RestoreError> {
        todo!()
    }
}
impl crate::run::Search for Racing {}
