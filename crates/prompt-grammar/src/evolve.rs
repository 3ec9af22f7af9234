//! Evolution of the prompts of a space without a model of their scores: what a model must beat.
//!
//! Two methods in one loop. Both keep the best prompts seen; they differ in where the next ones come from and in how
//! many examples these must pass:
//!
//! - [`Method::MuLambda`]: children are parents with one or two edits, each evaluated on every example (Beyer & Schwefel
//!   2002, the (mu + lambda) strategy);
//! - [`Method::Eda`]: a share of the children is drawn from learnt weights of options and orders of sections (Baluja
//!   1994, population-based incremental learning), others cross members; children race in blocks of examples, of which
//!   the better half meets the next block (Jamieson & Talwalkar 2016, successive halving).
//!
//! In both a reflecting model may write a share of the children.

mod options;
mod plan;
mod snapshot;
mod weights;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use meta_traits::{
    Ask, Cost, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, QueryId, Reply, Scored,
    StopReason, Stream, TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

use crate::PromptError;
use crate::script::EditScript;
use crate::space::{Choices, PromptSpace};

pub use self::options::{EvolutionOptions, Method};
use self::weights::Weights;

/// A prompt of this round, and what was seen of it so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entrant {
    prompt: Choices,
    scores: Vec<Scored>,
    cost: Cost,
}

/// A prompt that was evaluated on every example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    prompt: Choices,
    observation: Observation,
}

impl Member {
    fn loss(&self) -> f64 {
        self.observation.losses.first().copied().unwrap_or(f64::INFINITY)
    }
}

/// The evolution as a state machine; see the [module](self) for the method.
///
/// Scores (higher is better) come from `instances` of what is told. Trials of one block may run at once, in any order.
/// What fails is forgotten and may come again. [`StopReason::Exhausted`] when a round finds no prompt that was not
/// evaluated. Draws come from key paths of the stream (`round/N/..`). Memory grows with the prompts evaluated.
///
/// ```
/// use meta_traits::*;
/// use prompt_grammar::evolve::{Evolution, EvolutionOptions};
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
///
/// let options = || (0..4).map(|i| SlotOption::new(format!("option {i}"), 1)).collect();
/// let slots = (0..3).map(|i| Slot::new(format!("slot {i}"), options())).collect();
/// let space = PromptSpace::new(slots, vec![], None)?;
/// let examples = (0..6).map(|i| ExampleId::new(Split::Val, i)).collect();
/// let mut search = Evolution::new(space, examples, EvolutionOptions::mu_lambda(), Stream::root(0))?;
/// for _ in 0..60 {
///     let Ask::Run(trial) = search.ask() else { break };
///     // Every slot wants its third option.
///     let right = trial.candidate.options().iter().filter(|o| **o == 2).count();
///     let Instances::Exactly(on) = &trial.on else { unreachable!() };
///     let scored = on.iter().map(|&example| Scored::new(Draw { example, repeat: 0 }, right as f32 / 3.0)).collect();
///     search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, Cost::evaluations(6))))?;
/// }
/// assert_eq!(search.best().unwrap().0.options(), [2, 2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evolution {
    space: PromptSpace,
    examples: Vec<ExampleId>,
    options: EvolutionOptions,
    stream: Stream,
    trials: u64,
    queries: u64,
    round: u64,
    /// The block of examples that is on, and all examples in this round's order.
    block: usize,
    order: Vec<usize>,
    /// Prompts that entered this round.
    entered: usize,
    /// Those of this round whose evaluations have not failed, by number.
    entrants: BTreeMap<usize, Entrant>,
    /// Entrants to meet this block.
    todo: VecDeque<usize>,
    running: BTreeMap<TrialId, usize>,
    /// Parents that children are to be written from.
    unwritten: VecDeque<Choices>,
    asked: Option<(QueryId, Choices)>,
    /// The best prompts, the best first.
    members: Vec<Member>,
    known: BTreeSet<Choices>,
    weights: Weights,
    over: bool,
}

impl Evolution {
    /// An evolution in `space` that starts from its seed and scores on `examples`.
    ///
    /// # Errors
    /// [`PromptError`] when there are no examples, one is there twice or of the test split, or an option is outside its
    /// range.
    pub fn new(
        space: PromptSpace,
        examples: Vec<ExampleId>,
        options: EvolutionOptions,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        options.check()?;
        crate::gepa::check_examples("examples", &examples)?;
        Ok(Self {
            weights: Weights::new(&space),
            order: (0..examples.len()).collect(),
            space,
            examples,
            options,
            stream,
            trials: 0,
            queries: 0,
            round: 0,
            block: 0,
            entered: 0,
            entrants: BTreeMap::new(),
            todo: VecDeque::new(),
            running: BTreeMap::new(),
            unwritten: VecDeque::new(),
            asked: None,
            members: Vec::new(),
            known: BTreeSet::new(),
            over: false,
        })
    }

    /// From the next round on has so large a share of children written by a model and edited twice
    /// ([`EvolutionOptions::reflections`] and [`EvolutionOptions::second_edit`]). A snapshot holds it.
    ///
    /// # Errors
    /// [`PromptError`] when one is outside its range; nothing changes then.
    pub fn restrain(&mut self, reflections: f64, second_edit: f64) -> Result<(), PromptError> {
        let options = EvolutionOptions { reflections, second_edit, ..self.options.clone() };
        options.check()?;
        self.options = options;
        Ok(())
    }

    /// The best prompts evaluated on every example, with their mean scores, the best first.
    pub fn population(&self) -> impl ExactSizeIterator<Item = (&Choices, f64)> {
        self.members.iter().map(|m| (&m.prompt, 1.0 - m.loss()))
    }

    /// Whether all that this block asked for is back.
    fn is_idle(&self) -> bool {
        self.todo.is_empty() && self.running.is_empty() && self.unwritten.is_empty() && self.asked.is_none()
    }

    /// The examples of the block that is on.
    fn on(&self) -> Vec<ExampleId> {
        let (n, blocks) = (self.order.len(), self.options.blocks.min(self.order.len()));
        let (from, to) = (n * self.block / blocks, n * (self.block + 1) / blocks);
        self.order[from..to].iter().map(|&e| self.examples[e]).collect()
    }

    /// Ends a block: the next one for the better half, or the end of the round.
    fn advance(&mut self) {
        let blocks = self.options.blocks.min(self.examples.len());
        if self.block + 1 < blocks && !self.entrants.is_empty() {
            self.block += 1;
            self.halve();
            self.todo = self.entrants.keys().copied().collect();
            return;
        }
        for entrant in std::mem::take(&mut self.entrants).into_values() {
            let mut observation = Observation::of_scores(entrant.scores, entrant.cost);
            observation.instances.iter_mut().for_each(|s| s.notes = Vec::new());
            self.members.push(Member { prompt: entrant.prompt, observation });
        }
        // Of equals the earlier stays ahead.
        self.members.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
        self.members.truncate(self.options.members);
        let elite = self.members.iter().map(|m| &m.prompt);
        self.weights.learn(&self.space, &elite, self.options.rate, self.options.floor);
    }

    /// Leaves the better half of those that race, two at least.
    fn halve(&mut self) {
        let mean = |e: &Entrant| {
            e.scores.iter().map(|s| f64::from(s.score)).sum::<f64>() / e.scores.len().max(1) as f64
        };
        let mut racing: Vec<(usize, f64)> = self.entrants.iter().map(|(i, e)| (*i, mean(e))).collect();
        racing.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (worse, _) in racing.iter().skip((racing.len() / 2).max(2)) {
            self.entrants.remove(worse);
        }
    }

    fn fits(&self, seen: &Observation) -> Result<(), TellError> {
        let asked = self.on();
        if !seen.instances.iter().map(|s| s.example).eq(asked.iter().copied()) {
            let n = asked.len();
            return Err(TellError::Mismatch(format!("the {n} examples reported are not those asked for")));
        }
        if let Some(scored) = seen.instances.iter().find(|s| !s.score.is_finite()) {
            let (example, score) = (scored.example, scored.score);
            return Err(TellError::Mismatch(format!("the score of {example} is {score}; report a failure")));
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }
}

impl Optimizer for Evolution {
    type Candidate = Choices;

    fn ask(&mut self) -> Ask<Choices> {
        let (entrant, prompt) = loop {
            if !self.over && self.is_idle() {
                self.plan();
                self.over = self.is_idle();
            }
            if self.over {
                return Ask::Done(StopReason::Exhausted);
            }
            if self.asked.is_none()
                && let Some(query) = self.query()
            {
                return Ask::Query(query);
            }
            if let Some(number) = self.todo.pop_front() {
                if let Some(entrant) = self.entrants.get(&number) {
                    break (number, entrant.prompt.clone());
                }
                continue;
            }
            if !self.running.is_empty() || self.asked.is_some() {
                return Ask::Wait;
            }
            // What was to be written had no failures to show; the block may be over, or the round have come to nothing.
            self.over = self.entrants.is_empty();
            self.advance();
        };
        let id = TrialId(self.trials);
        self.trials += 1;
        self.running.insert(id, entrant);
        let mut trial = Trial::new(id, prompt, Fidelity::FULL, Instances::Exactly(self.on()));
        trial.trace = self.options.reflections > 0.0;
        Ask::Run(trial)
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let entrant = *self.running.get(&id).ok_or(TellError::UnknownTrial(id))?;
        if let Outcome::Complete(seen) = &outcome {
            self.fits(seen)?;
        }
        self.running.remove(&id);
        if let Outcome::Complete(seen) = outcome {
            if let Some(at) = self.entrants.get_mut(&entrant) {
                at.scores.extend(seen.instances);
                at.cost += seen.cost;
            }
        } else if let Some(failed) = self.entrants.remove(&entrant) {
            self.known.remove(&failed.prompt);
        }
        if self.is_idle() {
            self.advance();
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        let Some((_, parent)) = self.asked.take_if(|(asked, _)| *asked == id) else {
            return Err(TellError::UnknownQuery(id));
        };
        if let Reply::Text(text) = reply
            && let Ok(script) = EditScript::parse(&text, &self.space)
            && let Some(child) = self.space.edited(&parent, script.edits())
        {
            self.enter(child);
        }
        if self.is_idle() {
            self.advance();
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Choices, &Observation)> {
        self.members.first().map(|m| (&m.prompt, &m.observation))
    }
}
