//! Candidates of a compound system, scored on a data set.

use std::sync::Arc;

use evaluation::{Dataset, Example, Metric, Verdict};
use meta_traits::{
    Batching, BoxFuture, Classify, Components, Cost, Draw, ErrorKind, Evaluator, Instances, Note,
    Observation, Outcome, Scored, Stream, Trial,
};

use super::scope::json_text;
use super::template::shorten;
use super::{CompoundAISystem, Execution, ModuleTrace, SETTINGS};

/// Characters of a value that a note quotes.
const QUOTE: usize = 400;

/// Runs a [`CompoundAISystem`] with the prompts of candidates on examples, and scores its answers.
///
/// One draw is one execution and one score. Its random stream is the child of the given one by example and repeat, so
/// equal draws are equal whatever runs beside them. Costs are what the clients reported, those of the metric included, plus one metric call a draw.
/// Traced trials get one note a component that took part: what it was given, what it answered, what the system answered,
/// what was expected, what the scorer says.
pub struct SystemEvaluator {
    system: CompoundAISystem,
    data: Arc<Dataset>,
    metric: Box<dyn Metric>,
    concurrent: usize,
}

impl SystemEvaluator {
    /// Scores `system` on `data` by `metric`, with as many draws in flight as the models take.
    pub fn new(system: CompoundAISystem, data: Arc<Dataset>, metric: impl Metric + 'static) -> Self {
        Self::of_metric(system, data, Box::new(metric))
    }

    /// The same for a metric of any kind.
    pub fn of_metric(system: CompoundAISystem, data: Arc<Dataset>, metric: Box<dyn Metric>) -> Self {
        let concurrent = system.concurrency();
        Self { system, data, metric, concurrent }
    }

    /// The same evaluator with at most `n` draws in flight (at least 1).
    #[must_use]
    pub fn with_concurrency(mut self, n: usize) -> Self {
        self.concurrent = n.max(1);
        self
    }

    /// The system.
    pub fn system(&self) -> &CompoundAISystem {
        &self.system
    }

    /// The examples.
    pub(crate) fn data(&self) -> &Dataset {
        &self.data
    }

    /// Runs and scores one draw; the execution's cost is that of the metric too. With `trace`, the score has notes and the execution its module calls.
    pub(crate) async fn look(
        &self,
        candidate: &Components,
        draw: Draw,
        rng: &Stream,
        trace: bool,
    ) -> Result<(Scored, Execution), Failed> {
        let Some(example) = self.data.get(draw.example) else {
            let message = format!("the data set has no example {}", draw.example);
            return Err(Failed { kind: ErrorKind::InvalidInput, message, cost: Cost::ZERO });
        };
        let stream = rng.child(&draw.example.to_string(), u64::from(draw.repeat));
        let mut done = self
            .system
            .run(candidate, &example.input, &stream, trace)
            .await
            .map_err(|f| Failed { kind: f.kind(), message: f.to_string(), cost: f.cost })?;
        let measured = self.metric.measure(&done.output, example).await.map_err(|f| Failed {
            kind: f.kind,
            message: f.to_string(),
            cost: done.cost + f.cost,
        })?;
        let verdict = measured.verdict;
        done.cost += measured.cost;
        if !verdict.score.is_finite() {
            let message = format!("the metric {} gave {}", self.metric.name(), verdict.score);
            return Err(Failed { kind: ErrorKind::Numerical, message, cost: done.cost });
        }
        let mut scored = Scored::new(draw, verdict.score as f32);
        if trace {
            scored.notes = notes(&self.system, candidate, &done, example, &verdict);
        }
        Ok((scored, done))
    }
}

/// Why a draw has no score.
pub(crate) struct Failed {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) cost: Cost,
}

impl Evaluator<Components> for SystemEvaluator {
    fn evaluate<'a>(&'a self, trial: &'a Trial<Components>, rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Instances::Draws(draws) = &trial.on else {
                return Outcome::Failed {
                    kind: ErrorKind::Bug,
                    message: "the evaluator was given no draws; the driver must number the repeats".into(),
                    cost: Cost::ZERO,
                };
            };
            let mut cost = Cost::ZERO;
            let mut scores = Vec::with_capacity(draws.len());
            for draw in draws {
                cost += Cost::evaluations(1);
                match self.look(&trial.candidate, *draw, &rng, trial.trace).await {
                    Ok((scored, done)) => {
                        cost += done.cost;
                        scores.push(scored);
                    }
                    Err(Failed { kind, message, cost: spent }) => {
                        return Outcome::Failed { kind, message, cost: cost + spent };
                    }
                }
            }
            Outcome::Complete(Observation::of_scores(scores, cost))
        })
    }

    fn batching(&self) -> Batching {
        Batching { block: 1, concurrent: self.concurrent }
    }

    fn cap(&self, trial: &Trial<Components>) -> Cost {
        let examples: Vec<&Example> = match &trial.on {
            Instances::Draws(draws) => draws.iter().filter_map(|d| self.data.get(d.example)).collect(),
            Instances::Exactly(ids) => ids.iter().filter_map(|id| self.data.get(*id)).collect(),
            _ => Vec::new(),
        };
        let one = |example: &&Example| {
            let (cost, longest) = self.system.cap_with_output(&trial.candidate, &example.input);
            Cost::evaluations(1) + cost + self.metric.cap(&longest, example)
        };
        examples.iter().map(one).sum()
    }
}

/// One note a component that took part, in the order of the candidate.
fn notes(
    system: &CompoundAISystem,
    candidate: &Components,
    done: &Execution,
    example: &Example,
    verdict: &Verdict,
) -> Vec<Note> {
    let mut notes = Vec::new();
    for component in candidate.names() {
        if component == SETTINGS && !system.settings.is_empty() {
            let text = format!("verdict: score {}, {}", verdict.score, verdict.detail);
            notes.push(Note { component: component.to_owned(), text });
            continue;
        }
        let calls: Vec<&ModuleTrace> = done.trace.iter().filter(|t| t.module == component).collect();
        if calls.is_empty() {
            continue;
        }
        let mut lines: Vec<String> = Vec::new();
        for call in &calls {
            lines.extend(call.inputs.iter().map(|(name, value)| format!("{name}: {}", quote(value))));
            let scores: Vec<String> = call.label_scores.iter().map(|(l, p)| format!("{l} {p:.2}")).collect();
            let scores =
                if scores.is_empty() { String::new() } else { format!(" (scores: {})", scores.join(", ")) };
            lines.push(format!("answer: {}{scores}", quote(&call.output)));
        }
        let own_answer_is_final = calls.last().is_some_and(|c| c.output.trim() == done.output.trim());
        if !own_answer_is_final {
            lines.push(format!("answer of the whole system: {}", quote(&done.output)));
        }
        lines.push(format!("expected: {}", quote(&json_text(&example.expected))));
        lines.push(format!("verdict: score {}, {}", verdict.score, verdict.detail));
        notes.push(Note { component: component.to_owned(), text: lines.join("\n") });
    }
    notes
}

fn quote(text: &str) -> String {
    shorten(text.trim(), QUOTE)
}
