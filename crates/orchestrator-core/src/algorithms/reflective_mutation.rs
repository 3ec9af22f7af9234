use meta_traits::{
    Ask, Budget, Components, Envelope, ExampleId, Observation, Optimizer, Outcome, QueryId, Reply,
    RestoreError, Stream, TellError, TrialId, Unit,
};
use prompt_grammar::PromptError;
use prompt_grammar::gepa::{Decision, Gepa, Options};

use crate::run::{RunError, Search};

/// Static GEPA: rewrites one component at a time in the light of what failed, tries it on a few training examples,
/// and keeps it if it does better there. The loop itself is `prompt_grammar::gepa`.
///
/// Source: Agrawal et al. 2025, "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning".
#[derive(Clone, Debug)]
pub struct ReflectiveMutation {
    gepa: Gepa,
}

impl ReflectiveMutation {
    /// A search from `seed` over the given splits.
    ///
    /// # Errors
    /// [`PromptError`] when a split is empty or an option outside its range.
    pub fn new(
        seed: Components,
        train: Vec<ExampleId>,
        val: Vec<ExampleId>,
        options: Options,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        Ok(Self { gepa: Gepa::new(seed, train, val, options, stream)? })
    }

    /// The loop inside, for its pool and counts.
    pub fn gepa(&self) -> &Gepa {
        &self.gepa
    }

    /// Whether `budget` allows the seed's validation and one proposal that is kept.
    ///
    /// # Errors
    /// [`RunError::BudgetTooSmall`] with the least number of calls that does.
    pub fn affordable(budget: &Budget, val: usize, minibatch: usize) -> Result<(), RunError> {
        let need = (2 * val + 2 * minibatch) as u64;
        match budget.limit(Unit::Evaluations) {
            Some(have) if have < need => Err(RunError::BudgetTooSmall {
                have,
                need_for: format!(
                    "scoring the seed takes {val}, trying one proposal {}, keeping it {val}",
                    2 * minibatch
                ),
                need,
            }),
            _ => Ok(()),
        }
    }
}

impl Optimizer for ReflectiveMutation {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        self.gepa.ask()
    }
    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        self.gepa.tell(id, outcome)
    }
    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        self.gepa.answer(id, reply)
    }
    fn best(&self) -> Option<(&Components, &Observation)> {
        self.gepa.best()
    }
}

impl meta_traits::DynSnapshot for ReflectiveMutation {
    fn save(&self) -> Envelope {
        self.gepa.save()
    }
    fn load(&mut self, envelope: Envelope) -> Result<(), RestoreError> {
        self.gepa.load(envelope)
    }
}

impl Search for ReflectiveMutation {
    fn decisions(&mut self) -> Vec<String> {
        self.gepa.drain_decisions().iter().filter_map(in_words).collect()
    }
}

fn in_words(decision: &Decision) -> Option<String> {
    Some(match decision {
        Decision::Rejected { iteration, before, after, .. } => {
            format!("#{iteration} reject  {before:.2} -> {after:.2} on the minibatch")
        }
        Decision::Accepted { iteration, before, after, mean, best, .. } => {
            let mark = if *best { "  best so far" } else { "" };
            format!(
                "#{iteration} accept  {before:.2} -> {after:.2} on the minibatch, validation {mean:.3}{mark}"
            )
        }
        Decision::Skipped { iteration, .. } => {
            format!("#{iteration} skip    the minibatch is perfect already")
        }
        Decision::Merged { iteration, mean, best, .. } => {
            let mark = if *best { "  best so far" } else { "" };
            format!("#{iteration} merge   validation {mean:.3}{mark}")
        }
        Decision::MergeRejected { iteration, before, after, .. } => {
            format!("#{iteration} reject  merge {before:.2} -> {after:.2}")
        }
        Decision::Dropped { iteration, reason, .. } => format!("#{iteration} dropped {reason}"),
        _ => return None,
    })
}
