//! Reflective rewriting steered by the evaluation scheduler.

mod options;
mod round;
mod snapshot;
mod versions;

use evaluation::race::{PartId, Posterior};
use meta_traits::{
    Ask, Budget, Components, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, Query, QueryId,
    Reply, Scored, Split, StopReason, Stream, TellError, Trial, TrialId, Unit,
};
use prompt_grammar::PromptError;
use serde::{Deserialize, Serialize};

use self::round::{Pending, Step};
use self::versions::Versions;
use crate::run::{RunError, Search};

pub use self::options::Options;
pub use self::snapshot::RacingState;

/// GEPA's reflection, with the joint posterior of `evaluation::race` in place of its gate, its full validation and its
/// round robin.
///
/// A round: draw the best combination of texts from the posterior (Thompson); where it differs from the leader, it is
/// evaluated on a block of examples; else texts of the components that are to blame are rewritten, one query a text, and
/// tried together in one candidate. As each result says which component failed first, it teaches about every text it
/// reached, and texts that do well are recombined at no cost (what GEPA's merge does for two members). Every evaluation is
/// traced, so reflection is shown stored failures and no call is made for it; what recurs among the complaints is shown
/// more often. Training and validation examples are both used for measuring, proposers see training examples only.
///
/// The recommendation is the evaluated combination with the highest posterior mean less [`Options::caution`] standard
/// deviations; its observation holds its own scores, with the posterior's mean as loss and variance. One thing is pending at
/// a time; draws come from key paths by round. An update costs O(results + texts^3): about a millisecond a metric
/// call over 6,000 calls. Works without blame too, with one common logit; the gain is smaller.
///
/// Sources: Agrawal et al. 2025 (GEPA) for reflection; Thompson 1933 and Russo et al. 2018 for the choice of candidates.
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
    /// Blocks in a row without a new version, and rounds of rewriting in a row that brought none.
    idle: u64,
    barren: u64,
    trials: u64,
    queries: u64,
    step: Step,
    pending: Option<Pending>,
    best: Option<Best>,
    /// The latest decision in words.
    said: Option<String>,
}

/// What is recommended: an entrant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    entrant: usize,
    candidate: Components,
    seen: Observation,
}

/// A combination that was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entrant {
    parts: Vec<PartId>,
    scores: Vec<Scored>,
}

impl Racing {
    /// A search from `seed`.
    ///
    /// # Errors
    /// [`PromptError`] when the seed or a split is empty, or `block`, `first` or `fresh` of the options is 0.
    pub fn new(
        seed: &Components,
        train: Vec<ExampleId>,
        val: Vec<ExampleId>,
        options: Options,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        if seed.is_empty() {
            return Err(PromptError::Empty { what: "the seed candidate" });
        }
        for (what, empty) in [
            ("train", train.is_empty()),
            ("val", val.is_empty()),
            ("options.block", options.block == 0),
            ("options.first", options.first == 0),
            ("options.fresh", options.fresh == 0),
        ] {
            if empty {
                return Err(PromptError::Empty { what });
            }
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
            barren: 0,
            trials: 0,
            queries: 0,
            step: Step::Next,
            pending: None,
            best: None,
            said: None,
        })
    }

    /// Whether `budget` allows the seed's first blocks and one with a new text.
    ///
    /// # Errors
    /// [`RunError::BudgetTooSmall`] with the least number of calls that does.
    pub fn affordable(budget: &Budget, options: &Options) -> Result<(), RunError> {
        let (seed, block) = (options.first * options.block, options.block);
        let need = (seed + block) as u64;
        match budget.limit(Unit::Evaluations) {
            Some(have) if have < need => Err(RunError::BudgetTooSmall {
                have,
                need_for: format!("meeting the seed takes {seed}, trying new texts {block}"),
                need,
            }),
            _ => Ok(()),
        }
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
                self.step = Step::Over(StopReason::Failures);
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
        self.best.as_ref().map(|best| (&best.candidate, &best.seen))
    }
}

fn is_train(example: ExampleId) -> bool {
    example.split == Split::Train
}

impl Search for Racing {
    fn decisions(&mut self) -> Vec<String> {
        self.said.take().into_iter().collect()
    }
}
