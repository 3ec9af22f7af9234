//! What an execution will cost, before any model is asked.

use std::collections::BTreeMap;

use meta_traits::{Components, Cost};

use super::compound::{CompoundAISystem, Part, Prompts};
use super::graph::{VOTE, Walk};
use super::invoke::Question;
use super::retrieve;
use super::scope::{Reply, Scope};
use super::spec::ModuleSpec;
use super::template::Template;
use super::{GraphStep, RefineStep, Step};

mod estimate;
mod modules;

pub use estimate::{Estimate, Spread};
pub use modules::{ModuleForecast, Writes};

/// Which of several possible courses an execution is thought to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    /// The cheapest branches, one round, empty texts.
    Least,
    /// The mean over branches, half of the rounds, texts of half their bound.
    Mean,
    /// The dearest branches, all rounds, texts as long as allowed.
    Most,
}

/// Puts numbers to calls and texts.
trait Pricing {
    /// A text that stands for `tokens` tokens nobody knows yet.
    fn unknown(&self, tokens: u32) -> String;
    /// A text that stands for so many bytes nobody knows yet.
    fn unknown_bytes(&self, bytes: usize) -> String;
    /// The cost of asking `question` with this prompt.
    fn call(&self, question: &Question<'_>, prompt: String) -> Tally;
}

/// A cost with fractions, for means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    calls: f64,
    tokens_in: f64,
    tokens_out: f64,
    nano_usd: f64,
}

impl Tally {
    fn of(cost: Cost) -> Self {
        Self {
            calls: cost.calls as f64,
            tokens_in: cost.tokens_in as f64,
            tokens_out: cost.tokens_out as f64,
            nano_usd: cost.nano_usd as f64,
        }
    }

    fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            calls: f(self.calls, other.calls),
            tokens_in: f(self.tokens_in, other.tokens_in),
            tokens_out: f(self.tokens_out, other.tokens_out),
            nano_usd: f(self.nano_usd, other.nano_usd),
        }
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    fn times(self, n: f64) -> Self {
        self.with(self, |a, _| a * n)
    }

    fn cost(self) -> Cost {
        let up = |x: f64| x.ceil() as u64;
        Cost::tokens(up(self.calls), up(self.tokens_in), up(self.tokens_out)).with_nano_usd(up(self.nano_usd))
    }
}

impl CompoundAISystem {
    /// The most that one execution on `input` should use: every branch at its dearest, every loop to its bound, every
    /// text as long as its module allows, tokens and money as the clients reserve them. A candidate that cannot be run
    /// costs nothing.
    ///
    /// Templates whose conditions make a prompt longer for short values than for long ones, and models that count
    /// tokens differently when texts are joined, can go beyond it by a little.
    pub fn cap(&self, candidate: &Components, input: &serde_json::Value) -> Cost {
        self.cap_with_output(candidate, input).0
    }

    /// The same with a text that stands for the longest answer of the system; empty where it cannot be run.
    pub(super) fn cap_with_output(
        &self,
        candidate: &Components,
        input: &serde_json::Value,
    ) -> (Cost, String) {
        let Ok(varied) = self.varied(candidate) else { return (Cost::ZERO, String::new()) };
        varied.as_deref().unwrap_or(self).cap_here(candidate, input)
    }

    fn cap_here(&self, candidate: &Components, input: &serde_json::Value) -> (Cost, String) {
        let Ok(prompts) = self.prompts(candidate) else { return (Cost::ZERO, String::new()) };
        let pricing = ByClient(self);
        let Some(mut forecast) = self.walk(&prompts, input, Guess::Most, &pricing) else {
            return (Cost::ZERO, String::new());
        };
        let tally = forecast.steps(&self.steps);
        let output = match &self.output {
            Some(template) => template.render(&forecast.scope.values()).unwrap_or_default(),
            None => forecast.scope.last().unwrap_or_default().to_owned(),
        };
        (tally.cost(), output)
    }

    fn forecast(
        &self,
        prompts: &Prompts,
        input: &serde_json::Value,
        guess: Guess,
        pricing: &dyn Pricing,
    ) -> Option<Tally> {
        let mut forecast = self.walk(prompts, input, guess, pricing)?;
        Some(forecast.steps(&self.steps))
    }

    /// A forecast that has not set out yet.
    fn walk<'a>(
        &'a self,
        prompts: &'a Prompts,
        input: &'a serde_json::Value,
        guess: Guess,
        pricing: &'a dyn Pricing,
    ) -> Option<Forecast<'a>> {
        let scope = self.scope(input).ok()?;
        let known = self.spec.input.clone();
        let (weight, shares) = (1.0, BTreeMap::new());
        Some(Forecast {
            system: self,
            prompts,
            input,
            guess,
            pricing,
            scope,
            known,
            weight,
            samples: 1.0,
            shares,
        })
    }
}

/// Asks the clients.
struct ByClient<'a>(&'a CompoundAISystem);

/// Two tokens in every tokenizer of bytes, two bytes, one word.
const FILLER: &str = "\u{1} ";
/// Tokens a label may take beside its own, where it does not split from the prompt.
const LABEL_MARGIN: f64 = 4.0;

impl Pricing for ByClient<'_> {
    fn unknown(&self, tokens: u32) -> String {
        FILLER.repeat(tokens as usize)
    }

    fn unknown_bytes(&self, bytes: usize) -> String {
        FILLER.repeat(bytes.div_ceil(2))
    }

    fn call(&self, question: &Question<'_>, mut prompt: String) -> Tally {
        let Some(client) = self.0.models.0.get(question.model) else { return Tally::default() };
        if !question.scores() {
            return Tally::of(client.cap(&question.generate(prompt, 0, 0)));
        }
        for label in &question.labels {
            prompt.push_str(question.label_prefix);
            prompt.push_str(label);
            prompt.push('\n');
        }
        let mut request = question.generate(prompt, 0, 0);
        request.max_tokens = 0;
        let mut tally = Tally::of(client.cap(&request));
        tally.tokens_in += LABEL_MARGIN * question.labels.len() as f64;
        // The blank prompt is no longer than the filled one, but for a value shorter than `N/A`.
        if question.calibrate { tally.times(2.0) } else { tally }
    }
}

/// Walks a flow without running it.
struct Forecast<'a> {
    system: &'a CompoundAISystem,
    prompts: &'a Prompts,
    input: &'a serde_json::Value,
    guess: Guess,
    pricing: &'a dyn Pricing,
    scope: Scope,
    /// Names whose values are certain.
    known: Vec<String>,
    /// How often the present step is thought to be reached.
    weight: f64,
    /// Samples taken of it at once.
    samples: f64,
    /// What fell to each module that asks a model.
    shares: BTreeMap<String, Share>,
}

/// One module's part of an execution.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    tally: Tally,
    /// Calls, samples taken at once counted as one.
    rounds: f64,
}

impl Forecast<'_> {
    fn steps(&mut self, steps: &[Step]) -> Tally {
        steps.iter().map(|step| self.step(step)).fold(Tally::default(), Tally::plus)
    }

    fn step(&mut self, step: &Step) -> Tally {
        match step {
            Step::Module(name) => self.module(name),
            Step::Vote(vote) => {
                self.samples = f64::from(vote.samples);
                let tally = self.module(&vote.of).times(self.samples);
                self.samples = 1.0;
                tally
            }
            Step::Refine(refine) => self.refine(refine),
            Step::Branch(branch) => {
                let on = Template::parse(&branch.on).ok();
                let sure = on.and_then(|on| self.certain(&on));
                if let Some(value) = sure {
                    let steps = branch.cases.get(value.trim()).or(branch.default.as_ref());
                    return steps.map(|steps| self.steps(steps)).unwrap_or_default();
                }
                let courses: Vec<&Vec<Step>> = branch.cases.values().chain(&branch.default).collect();
                self.either(&courses, |forecast, steps| forecast.steps(steps))
            }
            Step::Graph(graph) => self.graph(graph),
        }
    }

    fn graph(&mut self, graph: &GraphStep) -> Tally {
        let spec = &self.system.spec;
        let mut walk = Walk::new(spec, graph, true);
        let (input, known) = (self.scope.clone(), self.known.clone());
        let mut total = Tally::default();
        for vertex in graph.vertices() {
            if vertex.module == VOTE {
                walk.vote(vertex, |drafts| drafts.iter().max_by_key(|d| d.len()).map(|d| (*d).to_owned()));
                continue;
            }
            self.scope = walk.scope(vertex, &input);
            total = total.plus(self.module(&vertex.module));
            // A module may stand at several vertices with different passages.
            self.known.clone_from(&known);
            walk.take(vertex, self.scope.reply(&vertex.module).unwrap_or_else(|| Reply::text("")));
        }
        let (answer, scope) = walk.end(&input);
        self.scope = scope;
        self.scope.put("draft", Reply::text(answer));
        total
    }

    /// The rendered text, if it holds no guess.
    fn certain(&self, template: &Template) -> Option<String> {
        let sure = template.variables().all(|v| self.known.iter().any(|k| k == v));
        if sure { template.render(&self.scope.values()).ok() } else { None }
    }

    /// One of several courses. Values that any of them makes are there afterwards, the longest (or shortest) ones.
    fn either<T>(&mut self, courses: &[T], mut walk: impl FnMut(&mut Self, &T) -> Tally) -> Tally {
        let (before, known, weight) = (self.scope.clone(), self.known.clone(), self.weight);
        let (mut after, mut total): (Option<Scope>, Option<Tally>) = (None, None);
        self.weight *= match self.guess {
            Guess::Least if courses.len() > 1 => 0.0,
            Guess::Mean => 1.0 / courses.len().max(1) as f64,
            _ => 1.0,
        };
        for course in courses {
            self.scope = before.clone();
            let tally = walk(self, course);
            let scope = std::mem::take(&mut self.scope);
            after = Some(match after {
                None => scope,
                Some(other) => other.merged(scope, self.guess != Guess::Least),
            });
            total = Some(match total {
                None => tally,
                Some(other) => other.with(tally, |a, b| match self.guess {
                    Guess::Least => a.min(b),
                    Guess::Mean => a + b,
                    Guess::Most => a.max(b),
                }),
            });
        }
        self.scope = after.unwrap_or(before);
        self.known = known;
        self.weight = weight;
        let total = total.unwrap_or_default();
        if self.guess == Guess::Mean { total.times(1.0 / courses.len().max(1) as f64) } else { total }
    }

    fn refine(&mut self, step: &RefineStep) -> Tally {
        let bound = f64::from(step.max_rounds);
        self.scope.set("draft", "");
        self.scope.set("critique", "");
        let mut total = Tally::default();
        let rounds = match self.guess {
            Guess::Least => 1.0,
            Guess::Mean => f64::midpoint(1.0, bound),
            Guess::Most => bound,
        };
        let (mut round, weight) = (0.0, self.weight);
        while round < rounds {
            self.weight = weight * (rounds - round).min(1.0);
            let once = self.module(&step.draft);
            let draft = self.scope.text(&step.draft).unwrap_or_default().to_owned();
            self.scope.set("draft", &draft);
            let both = once.plus(self.module(&step.critique));
            let critique = self.scope.text(&step.critique).unwrap_or_default().to_owned();
            self.scope.set("critique", &critique);
            // The last round of a mean may be a fraction of one.
            total = total.plus(both.times((rounds - round).min(1.0)));
            round += 1.0;
        }
        self.weight = weight;
        total
    }

    fn if_needed(&mut self, name: &str) -> Tally {
        if self.scope.text(name).is_some() { Tally::default() } else { self.module(name) }
    }

    fn module(&mut self, name: &str) -> Tally {
        let Some(part) = self.system.parts.get(name) else { return Tally::default() };
        let (tally, reply) = match &part.spec {
            ModuleSpec::Vote(vote) => {
                let tally = vote.of.iter().map(|m| self.if_needed(m)).fold(Tally::default(), Tally::plus);
                let texts = vote.of.iter().filter_map(|m| self.scope.text(m));
                let text = if self.guess == Guess::Least {
                    texts.min_by_key(|t| t.len())
                } else {
                    texts.max_by_key(|t| t.len())
                };
                (tally, Reply::text(text.unwrap_or_default()))
            }
            ModuleSpec::Route(route) => {
                let mut courses: Vec<&Vec<String>> = route.cases.values().chain(&route.default).collect();
                if let Some(value) = part.template.as_ref().and_then(|t| self.certain(t)) {
                    courses = route.cases.get(value.trim()).or(route.default.as_ref()).into_iter().collect();
                }
                let tally = self.either(&courses, |forecast, targets| {
                    targets.iter().map(|t| forecast.if_needed(t)).fold(Tally::default(), Tally::plus)
                });
                let texts = courses.iter().filter_map(|c| self.scope.text(c.last()?));
                let text = texts.max_by_key(|t| t.len()).unwrap_or_default().to_owned();
                (tally, Reply::text(text))
            }
            _ => self.plain(name, part),
        };
        self.scope.put(name, reply);
        tally
    }

    fn plain(&mut self, name: &str, part: &Part) -> (Tally, Reply) {
        let Some(template) = self.prompts.get(name).or(part.template.as_ref()) else {
            return (Tally::default(), Reply::text(""));
        };
        match &part.spec {
            ModuleSpec::Retrieve(m) => {
                let Some(index) = &part.index else { return (Tally::default(), Reply::text("")) };
                let found = match (self.certain(template), self.guess) {
                    (Some(query), _) => {
                        self.known.push(name.to_owned());
                        index.search(&query, m.k, self.input)
                    }
                    (None, Guess::Least) => Vec::new(),
                    (None, _) => index.longest(m.k),
                };
                let written = retrieve::write(&found, part.each.as_ref(), &m.between);
                (Tally::default(), written.unwrap_or_else(|_| Reply::text("")))
            }
            ModuleSpec::Tool(m) => {
                let bytes = match self.guess {
                    Guess::Least => 0,
                    Guess::Mean => m.max_bytes.min(200),
                    Guess::Most => m.max_bytes,
                };
                (Tally::default(), Reply::text(self.pricing.unknown_bytes(bytes)))
            }
            module => {
                let Some(question) = Question::of(module) else { return (Tally::default(), Reply::text("")) };
                let prompt = template.render(&self.scope.values()).unwrap_or_else(|_| {
                    let values = template.variables().filter_map(|v| self.scope.text(v));
                    values.fold(template.source().to_owned(), |all, value| all + value)
                });
                let mut tally = self.pricing.call(&question, prompt);
                if !question.scores() {
                    tally.tokens_out *= self.share();
                }
                let share = self.shares.entry(name.to_owned()).or_default();
                share.tally = share.tally.plus(tally.times(self.weight * self.samples));
                share.rounds += self.weight;
                (tally, Reply::text(self.reply(&question)))
            }
        }
    }

    /// The share of the longest answer that is thought to be written.
    fn share(&self) -> f64 {
        match self.guess {
            Guess::Least => 0.0,
            Guess::Mean => 0.5,
            Guess::Most => 1.0,
        }
    }

    fn reply(&self, question: &Question<'_>) -> String {
        let tokens = (f64::from(question.max_tokens) * self.share()) as u32;
        let mut labels = question.labels.clone();
        labels.sort_by_key(|l| l.len());
        let label = match self.guess {
            Guess::Least => labels.first(),
            Guess::Mean => labels.get(labels.len() / 2),
            Guess::Most => labels.last(),
        };
        match label {
            Some(label) if question.scores() => (*label).to_owned(),
            _ => self.pricing.unknown(tokens),
        }
    }
}
