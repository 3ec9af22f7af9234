//! What each module takes, for who plans a whole run.

use std::collections::{BTreeMap, BTreeSet};

use inference::{Generate, LlmClient, Prompt};
use meta_traits::{Components, ExampleId};
use serde::{Deserialize, Serialize};

use super::estimate::ByLength;
use super::{Guess, Question, Share, Tally};
use crate::system::compound::CompoundAISystem;
use crate::system::scope::Scope;
use crate::system::spec::ModuleSpec;
use crate::system::template::Template;
use crate::system::{Spread, Step, SystemError, SystemEvaluator};

/// What a module writes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writes {
    /// Nothing: labels are scored.
    Nothing,
    /// One of some labels, of so many characters on average.
    Label {
        /// Characters of a label.
        characters: f64,
    },
    /// Free text.
    Text,
}

/// What one module that asks a model takes in an execution, as far as can be told without asking.
///
/// Averages over the examples looked at. Calls lie between `calls.min` and `calls.max`, branches and loops deciding;
/// tokens are those of one call in an execution of middling course.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleForecast {
    /// The module.
    pub module: String,
    /// The model it asks.
    pub model: String,
    /// Whether the search may rewrite its prompt.
    pub rewritable: bool,
    /// Rewritable prompts that decide what it is asked, its own included.
    pub reads: Vec<String>,
    /// Those of `reads` that are its own, or reach it as free text.
    pub hears: Vec<String>,
    /// Whether it reads free text or tool results, whose lengths nobody knows yet.
    pub hearsay: bool,
    /// Whether the same prompts on the same example ask the same again, so that a cache can answer.
    pub repeats: bool,
    /// What it writes.
    pub writes: Writes,
    /// The most tokens it may write in a call.
    pub max_tokens: u32,
    /// Calls in an execution.
    pub calls: Spread,
    /// Share of the calls that wait for each other; samples of a vote are taken at once.
    pub in_turn: f64,
    /// Tokens read in a call.
    pub tokens_in: f64,
    /// Nano-dollars a token read.
    pub nano_usd_in: f64,
    /// Nano-dollars a token written.
    pub nano_usd_out: f64,
    /// Characters that a note on its prompt has in an example.
    pub note_characters: f64,
}

/// Characters of a value that a note quotes at most.
const QUOTE: usize = 400;
/// Characters of a note beside its values.
const NOTE_FRAME: usize = 60;

impl SystemEvaluator {
    /// What each module that asks a model takes with the prompts of `candidate` on `examples`; no model is asked.
    ///
    /// Modules come in document order. `tokens_per_char` is as in [`CompoundAISystem::estimate`].
    ///
    /// # Errors
    /// [`SystemError::Candidate`], or [`SystemError::Input`] for an example that lacks a declared field.
    pub fn forecast(
        &self,
        candidate: &Components,
        examples: &[ExampleId],
        tokens_per_char: f64,
    ) -> Result<Vec<ModuleForecast>, SystemError> {
        let varied = self.system().varied(candidate)?;
        let system = varied.as_deref().unwrap_or(self.system());
        let prompts = system.prompts(candidate)?;
        let pricing = ByLength::new(tokens_per_char);
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        let mut n = 0.0;
        for example in examples.iter().filter_map(|id| self.data().get(*id)) {
            Scope::of_input(&system.spec.input, &example.input)?;
            n += 1.0;
            for guess in [Guess::Least, Guess::Mean, Guess::Most] {
                let Some(mut walk) = system.walk(&prompts, &example.input, guess, &pricing) else { continue };
                walk.steps(&system.steps);
                for (module, share) in &walk.shares {
                    sums.entry(module.clone()).or_default().take(guess, *share);
                }
                if guess == Guess::Mean {
                    let expected = example.expected.as_str().map_or(0, str::len).min(QUOTE);
                    for name in candidate.names() {
                        let Some(template) = prompts.get(name) else { continue };
                        let length =
                            |v: &str| walk.scope.text(v).map_or(0, |t| t.len().min(QUOTE) + v.len() + 3);
                        let values: usize = template.variables().map(length).sum();
                        let answers = length(name) + walk.scope.last().map_or(0, |t| t.len().min(QUOTE));
                        let note = values + answers + expected + NOTE_FRAME;
                        sums.entry(name.to_owned()).or_default().note += note as f64;
                    }
                }
            }
        }
        let forecast = |(name, module): (&String, &ModuleSpec)| {
            let question = Question::of(module)?;
            let sum = sums.get(name)?;
            let lineage = Lineage::of(system, name);
            let price = system.models.0.get(question.model).map_or([0.0; 2], |c| price(&**c));
            let labels = question.labels.len();
            let writes = if question.scores() {
                Writes::Nothing
            } else if labels > 0 {
                let characters: usize = question.labels.iter().map(|l| l.chars().count()).sum();
                Writes::Label { characters: characters as f64 / labels as f64 }
            } else {
                Writes::Text
            };
            let calls = sum.mean.tally.calls;
            Some(ModuleForecast {
                module: name.clone(),
                model: question.model.to_owned(),
                rewritable: module.component().is_some(),
                reads: lineage.reads.into_iter().collect(),
                hears: lineage.hears.into_iter().collect(),
                hearsay: lineage.hearsay,
                repeats: lineage.repeats,
                writes,
                max_tokens: question.max_tokens,
                calls: Spread { min: sum.least / n, mean: calls / n, max: sum.most / n },
                in_turn: if calls > 0.0 { sum.mean.rounds / calls } else { 1.0 },
                tokens_in: if calls > 0.0 { sum.mean.tally.tokens_in / calls } else { 0.0 },
                nano_usd_in: price[0],
                nano_usd_out: price[1],
                note_characters: sum.note / n,
            })
        };
        Ok(system.spec.modules.iter().filter_map(forecast).collect())
    }
}

/// One module's shares over all examples.
#[derive(Default)]
struct Sum {
    least: f64,
    mean: Share,
    most: f64,
    note: f64,
}

impl Sum {
    fn take(&mut self, guess: Guess, share: Share) {
        match guess {
            Guess::Least => self.least += share.tally.calls,
            Guess::Most => self.most += share.tally.calls,
            Guess::Mean => {
                self.mean.tally = Tally::plus(self.mean.tally, share.tally);
                // A calibrating call follows the other one.
                self.mean.rounds += share.rounds;
            }
        }
    }
}

/// Nano-dollars a token read and written, by what the client would reserve.
fn price(client: &dyn LlmClient) -> [f64; 2] {
    let ask = |max_tokens| {
        let mut request = Generate::new(Prompt::Text("a text of some length ".repeat(50)));
        request.max_tokens = max_tokens;
        client.cap(&request)
    };
    let (short, long) = (ask(0), ask(10_000));
    let read = short.nano_usd as f64 / short.tokens_in.max(1) as f64;
    let written = long.nano_usd.saturating_sub(short.nano_usd) as f64 / 10_000.0;
    [read, written]
}

/// Where what a module is asked comes from.
#[derive(Default)]
struct Lineage {
    reads: BTreeSet<String>,
    hears: BTreeSet<String>,
    hearsay: bool,
    repeats: bool,
}

impl Lineage {
    fn of(system: &CompoundAISystem, name: &str) -> Self {
        let mut lineage = Self { repeats: true, ..Self::default() };
        let mut seen = BTreeSet::new();
        lineage.follow(system, name, true, &mut seen);
        lineage
    }

    fn follow(&mut self, system: &CompoundAISystem, name: &str, itself: bool, seen: &mut BTreeSet<String>) {
        let Some(part) = system.parts.get(name) else { return };
        if !seen.insert(name.to_owned()) {
            return;
        }
        let question = Question::of(&part.spec);
        let labelled = question.as_ref().is_some_and(|q| !q.labels.is_empty());
        if let Some(question) = &question {
            self.repeats &= question.temperature <= 0.0 || question.scores();
            self.hearsay |= !itself && !labelled;
        }
        self.hearsay |= matches!(part.spec, ModuleSpec::Tool(_));
        if part.spec.component().is_some() {
            self.reads.insert(name.to_owned());
            if itself || !labelled {
                self.hears.insert(name.to_owned());
            }
        }
        let loops = refined(&system.steps);
        for used in part.template.iter().flat_map(Template::variables).chain(part.spec.members()) {
            match (used, &loops) {
                ("draft" | "critique", Some([draft, critique])) => {
                    self.follow(system, draft, false, seen);
                    self.follow(system, critique, false, seen);
                }
                _ => self.follow(system, used, false, seen),
            }
        }
    }
}

/// Draft and critique of the first loop.
fn refined(steps: &[Step]) -> Option<[&str; 2]> {
    steps.iter().find_map(|step| match step {
        Step::Refine(refine) => Some([refine.draft.as_str(), refine.critique.as_str()]),
        Step::Branch(branch) => branch.cases.values().chain(&branch.default).find_map(|s| refined(s)),
        _ => None,
    })
}
