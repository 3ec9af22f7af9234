use anyhow::Context as _;
use clap::ValueEnum;
use meta_traits::{
    Ask, Components, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Query, Reply, Scored,
    Split, Stream,
};
use prompt_grammar::evolve::{Evolution, EvolutionOptions};
use prompt_grammar::gepa::{Gepa, Options};
use prompt_grammar::optimizer::{ModelOptions, ModelSearch, Verdict};
use prompt_grammar::script::EditScript;
use prompt_grammar::space::{Choices, PromptSpace, Slot};
use prompt_grammar::{Ge, Grammar, Tree, ge};

use super::landscape::Variant;
use super::{Landscape, VAL, informed};

/// The searches that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// GEPA: the whole prompt is its one component.
    Gepa,
    /// The model-guided search.
    Model,
    /// The (5 + 10) strategy.
    #[value(name = "mu_lambda")]
    MuLambda,
    /// Learnt weights of options, and races.
    Eda,
    /// Grammatical evolution of derivations.
    Ge,
}

impl Preset {
    /// The name used on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gepa => "gepa",
            Self::Model => "model",
            Self::MuLambda => "mu_lambda",
            Self::Eda => "eda",
            Self::Ge => "ge",
        }
    }
}

/// What is run on every landscape.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which search.
    pub preset: Preset,
    /// What effects are made of.
    pub variant: Variant,
    /// How often the proposer sees what would help.
    pub rho: f64,
    /// Example calls.
    pub budget: u64,
    /// Options of the model-guided search.
    pub model: ModelOptions,
    /// Which of several runs on the same landscape.
    pub run: u64,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Calls, and the true score of the prompt to be returned from then on.
    pub trace: Vec<(u64, f64)>,
    /// Prompts asked of the proposer.
    pub proposer_calls: u64,
    /// Example calls used.
    pub calls: u64,
    /// What the model-guided search knows of what it returns.
    pub verdict: Option<Verdict>,
}

/// Runs a search on a landscape.
///
/// # Errors
/// When the search refuses its options, or an outcome.
pub fn run(landscape: &Landscape, settings: &Settings) -> anyhow::Result<Finished> {
    let (train, val) = (Landscape::examples(Split::Train), Landscape::examples(Split::Val));
    let root = Stream::root(777 + landscape.number).child(settings.preset.name(), settings.run);
    let bench = Bench { landscape, settings, space: landscape.space(), proposer: root.child("proposer", 0) };
    let stream = root.child("search", 0);
    match settings.preset {
        Preset::Gepa => {
            let seed: Components =
                [(BLOB, serde_json::to_string(&bench.space.seed())?)].into_iter().collect();
            let options = Options { skip_perfect: false, ..Options::default() };
            let mut gepa = Gepa::new(seed, train, val.clone(), options, stream)?;
            let read = |c: &Components| Ok(serde_json::from_str(c.get(BLOB).unwrap_or_default())?);
            bench.drive(&mut gepa, &val, read, |query, rng| {
                let parent = read(&query.candidate)?;
                Ok(serde_json::to_string(&bench.propose(&parent, query, rng))?)
            })
        }
        Preset::Model => {
            let examples: Vec<ExampleId> = train.into_iter().chain(val).collect();
            let mut search = ModelSearch::new(bench.space.clone(), examples, settings.model.clone(), stream)?
                .within(settings.budget);
            let done =
                bench.drive(&mut search, &[], |c| Ok(c.clone()), |query, rng| bench.script(query, rng))?;
            Ok(Finished { verdict: Some(search.verdict()), ..done })
        }
        Preset::MuLambda | Preset::Eda => {
            let base = if settings.preset == Preset::Eda {
                EvolutionOptions { reflections: 0.3, ..EvolutionOptions::eda() }
            } else {
                EvolutionOptions { reflections: 1.0, ..EvolutionOptions::mu_lambda() }
            };
            let reflections = if settings.rho > 0.0 { base.reflections } else { 0.0 };
            // As many as GEPA validates on; of the training examples, whose failures may be shown.
            let examples = train.into_iter().take(VAL).collect();
            let options = EvolutionOptions { reflections, ..base };
            let mut search = Evolution::new(bench.space.clone(), examples, options, stream)?;
            bench.drive(&mut search, &[], |c| Ok(c.clone()), |query, rng| bench.script(query, rng))
        }
        Preset::Ge => {
            let grammar = Grammar::from_bnf(&codons(&bench.space))?;
            let options = ge::Options { population: 20, children: 20, ..ge::Options::default() };
            let mut search = Ge::new(grammar.clone(), options, stream)?;
            let read = |tree: &Tree| decoded(&tree.render(&grammar), &bench.space);
            bench.drive(&mut search, &val, read, |_, _| {
                anyhow::bail!("grammatical evolution asks for nothing")
            })
        }
    }
}

/// A grammar of one line: an option of every slot, then for every place in the order which of the sections left.
fn codons(space: &PromptSpace) -> String {
    let choice = |name: &str, n: usize| {
        let all: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        format!("<{name}> ::= {}\n", all.join(" | "))
    };
    let (slots, sections) = (space.slots(), space.sections().len());
    let of = |(s, slot): (usize, &Slot)| (format!("s{s}"), slot.options.len());
    let mut rules: Vec<(String, usize)> = slots.iter().enumerate().map(of).collect();
    rules.extend((0..sections).map(|at| (format!("o{at}"), sections - at)));
    let line: Vec<String> = rules.iter().map(|(name, _)| format!("<{name}>")).collect();
    let head = format!("<prompt> ::= {}\n", line.join(" \",\" "));
    head + &rules.iter().map(|(name, n)| choice(name, *n)).collect::<String>()
}

/// The prompt that a derivation of [`codons`] stands for.
fn decoded(text: &str, space: &PromptSpace) -> anyhow::Result<Choices> {
    let all = text.split(',').map(|n| n.trim().parse().map_err(anyhow::Error::from));
    let all = all.collect::<anyhow::Result<Vec<u16>>>()?;
    let (options, picks) = all.split_at_checked(space.slots().len()).context("a derivation is short")?;
    let mut left: Vec<u16> = (0..space.sections().len() as u16).collect();
    let order = picks.iter().map(|p| left.remove(usize::from(*p))).collect();
    Ok(space.canonical(Choices::new(options.to_vec(), order)))
}

/// The component of GEPA's candidates.
const BLOB: &str = "prompt";

struct Bench<'a> {
    landscape: &'a Landscape,
    settings: &'a Settings,
    space: PromptSpace,
    proposer: Stream,
}

impl Bench<'_> {
    fn propose(&self, parent: &Choices, query: &Query, rng: &mut Stream) -> Choices {
        let failed = query.evidence.iter().filter(|s| s.score < 1.0);
        let failed: Vec<usize> = failed.take(3).map(|s| Landscape::position(s.example)).collect();
        informed(self.landscape, parent, &failed, self.settings.rho, rng)
    }

    /// The reply to a query of a search over the space.
    fn script(&self, query: &Query, rng: &mut Stream) -> anyhow::Result<String> {
        let shown = query.candidate.get(&query.component).unwrap_or_default();
        let parent = prompt_grammar::script::read(shown, &self.space)?;
        let child = self.propose(&parent, query, rng);
        Ok(EditScript::between(&parent, &child, &self.space).write(&self.space))
    }

    /// Runs a search to the end of the budget; trials that leave the examples to the driver are on `whole`.
    fn drive<O: Optimizer>(
        &self,
        search: &mut O,
        whole: &[ExampleId],
        read: impl Fn(&O::Candidate) -> anyhow::Result<Choices>,
        reply: impl Fn(&Query, &mut Stream) -> anyhow::Result<String>,
    ) -> anyhow::Result<Finished> {
        let mut done = Finished { trace: Vec::new(), proposer_calls: 0, calls: 0, verdict: None };
        let mut returned: Option<Choices> = None;
        loop {
            match search.ask() {
                Ask::Run(trial) => {
                    let on = match &trial.on {
                        Instances::Exactly(on) => on.as_slice(),
                        _ => whole,
                    };
                    if done.calls + on.len() as u64 > self.settings.budget {
                        break;
                    }
                    let prompt = read(&trial.candidate)?;
                    let score = |example: &ExampleId| {
                        let right = self.landscape.outcome(&prompt, Landscape::position(*example), 0);
                        Scored::new(Draw { example: *example, repeat: 0 }, f32::from(u8::from(right)))
                    };
                    let scored: Vec<Scored> = on.iter().map(score).collect();
                    done.calls += scored.len() as u64;
                    let cost = Cost::evaluations(scored.len() as u64);
                    search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost)))?;
                    if let Some((best, _)) = search.best() {
                        let best = read(best)?;
                        if returned.as_ref() != Some(&best) {
                            done.trace.push((done.calls, self.landscape.truth(&best)));
                            returned = Some(best);
                        }
                    }
                }
                Ask::Query(query) => {
                    let text = reply(&query, &mut self.proposer.child("query", query.id.0))?;
                    done.proposer_calls += 1;
                    search.answer(query.id, Reply::Text(text))?;
                }
                _ => break,
            }
        }
        Ok(done)
    }
}
