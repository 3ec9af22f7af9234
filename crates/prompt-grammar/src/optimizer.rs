//! Search over the prompts of a space, guided by the [model](crate::model).
//!
//! One round:
//!
//! 1. what came back is taken up, the model is fitted;
//! 2. the prompt to return is the tried one whose lower bound (mean minus `caution` standard deviations) is highest, or
//!    the seed while that one is not better by `conviction` standard deviations;
//! 3. draws from the posterior, each climbed to its best prompt, are tried on a few examples each, and so is the best
//!    prompt of the posterior mean; what is tried again meets examples it has not met;
//! 4. now and then a reflecting model sees failures of a good prompt and says how to edit it. The step it takes is
//!    evidence, see the model's source effect, and its child is a place to climb from.
//!
//! There is no gate and no forced full validation: a prompt gets more examples as long as it stays in question.
//!
//! Some examples may be anchors ([`ModelSearch::anchored`]): on them the prompt to return never gets worse. Where the
//! budget is known ([`ModelSearch::within`]) the prompt that leads in the end is held against the seed on fresh examples,
//! and the seed is returned when it may be no worse. A share of the calls may go into randomised toggles of the patterns that
//! the results show ([`ModelSearch::patterns`]).

mod brief;
mod chosen;
mod confirm;
mod ending;
mod manifest;
mod options;
mod plan;
mod snapshot;
mod toggles;

use std::collections::{BTreeMap, VecDeque};

use meta_traits::{
    Ask, Cost, ExampleId, Fidelity, Instances, Observation, Optimizer, Outcome, QueryId, Reply, StopReason,
    Stream, TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

use self::ending::Ending;
use self::manifest::Manifest;
use self::toggles::Toggles;
use crate::PromptError;
use crate::attribution::shapley;
use crate::model::Posterior;
use crate::space::{Choices, PromptSpace};

pub use self::brief::{Brief, Proposer};
pub use self::chosen::OnFront;
pub use self::confirm::{Compared, Confirm, Verdict};
pub use self::manifest::{Fate, Origin, Proposal};
pub use self::options::ModelOptions;
pub use self::snapshot::ModelState;
pub use self::toggles::Toggled;

/// Name of the one component a query shows and asks to have edited.
pub const PROMPT: &str = "prompt";

/// Prompts from which on a fit starts so close to its end that one Newton step does; before, so many are made.
const MANY: u64 = 100;
const FIRST_STEPS: usize = 3;

/// A prompt that was tried, and all that was seen of it. Its position is its number in the posterior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tried {
    prompt: Choices,
    observation: Observation,
}

/// A prompt to be tried on some examples (positions in the list of all).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Planned {
    prompt: Choices,
    examples: Vec<usize>,
    #[serde(default = "leftover")]
    origin: Origin,
    /// The prompt it was made from.
    #[serde(default)]
    parent: Option<Choices>,
}

/// What older states, which do not say where plans come from, are read as.
fn leftover() -> Origin {
    Origin::Leftover
}

/// The search as a state machine; see the [module](self) for the method.
///
/// Scores (higher is better, in [0, 1]) come from `instances` of what is told. Trials of one round may run at once, in
/// any order. An evaluation that fails teaches nothing; its prompt may come up again. [`StopReason::Exhausted`] when
/// every prompt has met every example. Draws come from key paths of the stream (`round/N/..`). Memory grows with the
/// results told.
///
/// ```
/// use meta_traits::*;
/// use prompt_grammar::optimizer::{ModelOptions, ModelSearch};
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
///
/// let options = || (0..4).map(|i| SlotOption::new(format!("option {i}"), 1)).collect();
/// let slots = (0..3).map(|i| Slot::new(format!("slot {i}"), options())).collect();
/// let space = PromptSpace::new(slots, vec![], None)?;
/// let examples = (0..20).map(|i| ExampleId::new(Split::Val, i)).collect();
/// let mut search = ModelSearch::new(space, examples, ModelOptions::default(), Stream::root(0))?;
/// let mut calls = 0;
/// while calls < 300 {
///     let Ask::Run(trial) = search.ask() else { break };
///     // Every slot wants its third option.
///     let right = trial.candidate.options().iter().filter(|o| **o == 2).count();
///     let Instances::Exactly(on) = &trial.on else { unreachable!() };
///     let score = |e: &ExampleId| f32::from(u8::from(right * 7 > e.index as usize));
///     let scored: Vec<_> = on.iter().map(|&e| Scored::new(Draw { example: e, repeat: 0 }, score(&e))).collect();
///     calls += scored.len();
///     let cost = Cost::evaluations(scored.len() as u64);
///     search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost)))?;
/// }
/// assert_eq!(search.best().unwrap().0.options(), [2, 2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelSearch {
    space: PromptSpace,
    examples: Vec<ExampleId>,
    options: ModelOptions,
    stream: Stream,
    trials: u64,
    queries: u64,
    round: u64,
    /// Rounds of the latest fit and of the latest step of the variances.
    fitted: u64,
    learnt: u64,
    /// Scores taken up.
    calls: u64,
    tried: Vec<Tried>,
    numbers: BTreeMap<Choices, usize>,
    /// How often each example was used.
    uses: Vec<u32>,
    /// Examples that must not get worse (positions), ascending.
    anchors: Vec<usize>,
    plan: VecDeque<Planned>,
    running: BTreeMap<TrialId, Planned>,
    back: BTreeMap<TrialId, (Planned, Observation)>,
    asked: Option<(QueryId, Choices)>,
    /// Whether a reflection was asked for in this round.
    reflected: bool,
    /// Steps of the reflecting model that the posterior does not know yet.
    steps: Vec<(Choices, Choices)>,
    /// The latest children of reflection.
    children: VecDeque<Choices>,
    best: Option<usize>,
    exhausted: bool,
    ending: Option<Ending>,
    toggles: Toggles,
    manifest: Manifest,
    posterior: Posterior,
}

impl ModelSearch {
    /// A search in `space` that starts from its seed and learns from `examples`.
    ///
    /// # Errors
    /// [`PromptError`] when there are no examples, one is there twice or of the test split, or an option is outside
    /// its range.
    pub fn new(
        space: PromptSpace,
        examples: Vec<ExampleId>,
        options: ModelOptions,
        stream: Stream,
    ) -> Result<Self, PromptError> {
        options.check()?;
        crate::gepa::check_examples("examples", &examples)?;
        let posterior = Posterior::new(space.clone(), examples.len());
        Ok(Self {
            uses: vec![0; examples.len()],
            anchors: Vec::new(),
            space,
            examples,
            options,
            stream,
            trials: 0,
            queries: 0,
            round: 0,
            fitted: 0,
            learnt: 0,
            calls: 0,
            tried: Vec::new(),
            numbers: BTreeMap::new(),
            plan: VecDeque::new(),
            running: BTreeMap::new(),
            back: BTreeMap::new(),
            asked: None,
            reflected: false,
            steps: Vec::new(),
            children: VecDeque::new(),
            best: None,
            exhausted: false,
            ending: None,
            toggles: Toggles::default(),
            manifest: Manifest::default(),
            posterior,
        })
    }

    /// From now on asks for so many reflections an example call ([`ModelOptions::reflections`]). A snapshot holds it.
    ///
    /// # Errors
    /// [`PromptError`] when it is outside 0 to 1; nothing changes then.
    pub fn restrain(&mut self, reflections: f64) -> Result<(), PromptError> {
        let options = ModelOptions { reflections, ..self.options.clone() };
        options.check()?;
        self.options = options;
        Ok(())
    }

    /// The space searched.
    pub fn space(&self) -> &PromptSpace {
        &self.space
    }

    /// What is known of every prompt, as of the latest complete round.
    pub fn posterior(&self) -> &Posterior {
        &self.posterior
    }

    /// All prompts that have results, with these, in the order of their first.
    pub fn tried(&self) -> impl ExactSizeIterator<Item = (&Choices, &Observation)> {
        self.tried.iter().map(|t| (&t.prompt, &t.observation))
    }

    /// What was proposed since the last call and what became of it; at most the latest 64, older ones are forgotten.
    ///
    /// These are events, not state: a snapshot holds none, so drain before saving.
    pub fn drain_manifest(&mut self) -> Vec<Proposal> {
        self.manifest.drain()
    }

    /// What a reflecting model is to know beside the query that is pending; none while none is. `draws` draws of the
    /// posterior give the intervals.
    pub fn brief(&self, draws: u64) -> Option<Brief> {
        let (id, prompt) = self.asked.as_ref()?;
        let stream = self.stream.child("brief", id.0);
        let shares = shapley(&self.posterior, &self.space, prompt, &self.space.seed(), draws, &stream);
        let known = |p: &Choices| self.numbers.get(p).map(|i| self.posterior.value(*i));
        let worse = |child: &Choices| known(child).zip(known(prompt)).is_some_and(|(new, old)| new <= old);
        let steps = self.posterior.suggestions().iter().filter(|(from, to)| from == prompt && worse(to));
        let rejected = steps.map(|(from, to)| self.space.edits(from, to)).collect();
        let tokens = self.space.tokens(prompt);
        let tokens_left = self.space.token_limit().map(|limit| limit.saturating_sub(tokens));
        let confirmed =
            |t: &Toggled| t.confirmation.as_ref().filter(|c| c.confirmed).map(|c| (t.name.clone(), c.effect));
        let confirmed = self.toggles.all.iter().filter_map(confirmed).collect();
        Some(Brief { prompt: prompt.clone(), shares, rejected, tokens_left, confirmed })
    }

    /// Takes up what came back, in the order of asking, and finds the prompt to return.
    fn take_up(&mut self) {
        if self.back.is_empty() && self.steps.is_empty() && self.best.is_some() {
            return;
        }
        for (from, to) in std::mem::take(&mut self.steps) {
            self.posterior.suggest(&from, &to);
        }
        let mut back = Vec::new();
        for (planned, seen) in std::mem::take(&mut self.back).into_values() {
            let scores = seen.instances.iter().map(|s| f64::from(s.score));
            let score = scores.sum::<f64>() / seen.instances.len().max(1) as f64;
            back.push((planned.clone(), score));
            let number = if let Some(&number) = self.numbers.get(&planned.prompt) {
                number
            } else {
                let number = self.posterior.add(&planned.prompt);
                self.numbers.insert(planned.prompt.clone(), number);
                let observation = Observation::of_scores(Vec::new(), Cost::ZERO);
                self.tried.push(Tried { prompt: planned.prompt, observation });
                number
            };
            for (&example, scored) in planned.examples.iter().zip(&seen.instances) {
                self.posterior.observe(number, example, f64::from(scored.score));
            }
            self.calls += seen.instances.len() as u64;
            let old = &mut self.tried[number].observation;
            let cost = old.cost + seen.cost;
            let mut all = std::mem::take(&mut old.instances);
            all.extend(seen.instances);
            *old = Observation::of_scores(all, cost);
        }
        if self.tried.is_empty() {
            return;
        }
        // The more is known, the less a round changes, and the dearer a fit is.
        let n = self.tried.len() as u64;
        let due = |last: u64, every: u64| self.round < 2 * every || self.round >= last + every;
        let steps = if n < MANY { FIRST_STEPS } else { 1 };
        if self.posterior.expects_variances() {
            self.posterior.update();
            self.posterior.adopt_variances(steps);
            self.fitted = self.round;
        } else if due(self.learnt, self.options.learn_every.max(n / 10)) {
            self.learnt = self.round;
            self.posterior.update();
            // With many prompts the work is spread over two rounds, so that none takes long.
            self.posterior.expect_variances();
            if n < MANY {
                self.posterior.adopt_variances(steps);
                self.fitted = self.round;
            }
        } else if due(self.fitted, self.options.fit_every.max(n / 40)) {
            self.fitted = self.round;
            self.posterior.fit_within(steps);
        } else {
            self.posterior.update();
        }
        self.best = self.recommended();
        self.record(back);
        self.judge_toggles();
        self.conclude_if_complete();
    }

    /// Writes down what became of prompts that came back with these mean scores.
    fn record(&mut self, back: Vec<(Planned, f64)>) {
        for (planned, score) in back {
            let Some(&number) = self.numbers.get(&planned.prompt) else { continue };
            let posterior = (self.posterior.value(number), self.posterior.deviation(number));
            let fate = if self.best == Some(number) { Fate::Leads } else { Fate::Tried };
            let proposal = self.proposal(&planned, fate);
            self.manifest.push(Proposal { score: Some(score), posterior: Some(posterior), ..proposal });
        }
    }

    fn proposal(&self, planned: &Planned, fate: Fate) -> Proposal {
        let edits = planned.parent.as_ref().map(|p| self.space.edits(p, &planned.prompt));
        Proposal {
            round: self.round,
            origin: planned.origin,
            parent: planned.parent.as_ref().map(Choices::fingerprint),
            edits: edits.unwrap_or_default(),
            prompt: Some(planned.prompt.fingerprint()),
            examples: planned.examples.iter().map(|&e| self.examples[e]).collect(),
            fate,
            score: None,
            posterior: None,
        }
    }

    fn fits(&self, planned: &Planned, seen: &Observation) -> Result<(), TellError> {
        let asked = planned.examples.iter().map(|&e| self.examples[e]);
        if !seen.instances.iter().map(|s| s.example).eq(asked) {
            let n = planned.examples.len();
            return Err(TellError::Mismatch(format!("the {n} examples reported are not those asked for")));
        }
        let unsound = seen.instances.iter().find(|s| !s.score.is_finite());
        if let Some(scored) = unsound {
            let (example, score) = (scored.example, scored.score);
            return Err(TellError::Mismatch(format!("the score of {example} is {score}; report a failure")));
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }
}

impl Optimizer for ModelSearch {
    type Candidate = Choices;

    fn ask(&mut self) -> Ask<Choices> {
        if self.plan.is_empty() && self.running.is_empty() && self.asked.is_none() && !self.exhausted {
            self.take_up();
            self.begin_end(false);
            if !self.ends() {
                self.make_plan();
                self.begin_end(self.plan.is_empty());
            }
            self.plan_end();
            self.exhausted = self.plan.is_empty();
        }
        if self.exhausted {
            let reason = if self.is_concluded() { StopReason::Budget } else { StopReason::Exhausted };
            return Ask::Done(reason);
        }
        if let Some(query) = self.query() {
            return Ask::Query(query);
        }
        let Some(planned) = self.plan.pop_front() else { return Ask::Wait };
        let id = TrialId(self.trials);
        self.trials += 1;
        self.spend(planned.examples.len());
        let on = Instances::Exactly(planned.examples.iter().map(|&e| self.examples[e]).collect());
        let mut trial = Trial::new(id, planned.prompt.clone(), Fidelity::FULL, on);
        trial.trace = self.options.reflections > 0.0;
        self.running.insert(id, planned);
        Ask::Run(trial)
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let planned = self.running.get(&id).ok_or(TellError::UnknownTrial(id))?;
        if let Outcome::Complete(seen) = &outcome {
            self.fits(planned, seen)?;
        }
        match (self.running.remove(&id), outcome) {
            (Some(planned), Outcome::Complete(seen)) => {
                self.back.insert(id, (planned, seen));
            }
            (Some(planned), _) => {
                planned.examples.iter().for_each(|&e| self.uses[e] -= 1);
                let dropped = self.proposal(&planned, Fate::Dropped);
                self.manifest.push(dropped);
            }
            (None, _) => {}
        }
        if self.plan.is_empty() && self.running.is_empty() && self.asked.is_none() {
            self.take_up();
        }
        Ok(())
    }

    fn answer(&mut self, id: QueryId, reply: Reply) -> Result<(), TellError> {
        let Some((_, parent)) = self.asked.take_if(|(asked, _)| *asked == id) else {
            return Err(TellError::UnknownQuery(id));
        };
        if let Reply::Text(text) = reply {
            self.edited(parent, &text);
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Choices, &Observation)> {
        self.best.map(|i| (&self.tried[i].prompt, &self.tried[i].observation))
    }
}
