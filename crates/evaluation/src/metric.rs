//! Scoring by whatever means, and how configurations name it.

use std::sync::Arc;

use inference::LlmClient;
use meta_traits::{BoxFuture, Classify, Cost, ErrorKind};

use crate::{CodeTests, Dataset, EvaluationError, Example, Judge, Scorer, SemanticSimilarity, Verdict};

mod settings;
mod spec;

pub use settings::{
    Bare, BleuSpec, ChrfSpec, ContainsSpec, NumberSpec, RegexSpec, RougeSpec, SchemaSpec, SimilaritySpec,
};
pub(crate) use settings::{is_default, wrong};
pub use spec::MetricSpec;

/// Scores replies, by whatever means: a pure function, a model, a program.
///
/// # Contract
/// - Equal replies and examples get equal verdicts, as far as the models and programs behind do.
/// - What a measurement spent is told, whether or not it ended with a verdict.
/// - Dropping the future gives the measurement up.
pub trait Metric: Send + Sync {
    /// The name in configurations and messages.
    fn name(&self) -> &str;

    /// Scores `reply`, which a system gave for `example`.
    fn measure<'a>(
        &'a self,
        reply: &'a str,
        example: &'a Example,
    ) -> BoxFuture<'a, Result<Measured, Unmeasured>>;

    /// The most that measuring `reply` can spend: what a budget reserves before. Nothing by default.
    fn cap(&self, reply: &str, example: &Example) -> Cost {
        let _ = (reply, example);
        Cost::ZERO
    }
}

/// A verdict and what it cost: model calls, tokens and money; no evaluation is counted here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// The verdict.
    pub verdict: Verdict,
    /// What was spent.
    pub cost: Cost,
}

impl Measured {
    /// A verdict that cost `cost`.
    pub fn new(verdict: Verdict, cost: Cost) -> Self {
        Self { verdict, cost }
    }
}

/// Why there is no verdict, and what was spent all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metric: {metric}: {message}")]
#[non_exhaustive]
pub struct Unmeasured {
    /// The metric.
    pub metric: &'static str,
    /// The sort of fault.
    pub kind: ErrorKind,
    /// What happened and what to do.
    pub message: String,
    /// What was spent.
    pub cost: Cost,
}

impl Unmeasured {
    /// A failed measurement.
    pub fn new(metric: &'static str, kind: ErrorKind, message: impl Into<String>, cost: Cost) -> Self {
        Self { metric, kind, message: message.into(), cost }
    }

    /// A measurement that failed for want of a model's answer.
    pub(crate) fn of_model(metric: &'static str, error: &inference::InferenceError, cost: Cost) -> Self {
        Self::new(metric, error.kind(), error.to_string(), cost)
    }
}

impl Classify for Unmeasured {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl Metric for Scorer {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn measure<'a>(
        &'a self,
        reply: &'a str,
        example: &'a Example,
    ) -> BoxFuture<'a, Result<Measured, Unmeasured>> {
        Box::pin(async move { Ok(Measured::new(self.score(reply, example), Cost::ZERO)) })
    }
}

impl MetricSpec {
    /// The metric for the examples of `data`; `model` gives the clients that the description names.
    ///
    /// Nothing is asked of a model. For code, the sandbox is tried once.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] for settings that are not usable, an unknown model, or a sandbox that does not
    /// work here; [`EvaluationError::Unscorable`] when an example does not hold what the metric reads.
    pub fn build(
        &self,
        data: &Dataset,
        model: impl Fn(&str) -> Option<Arc<dyn LlmClient>>,
    ) -> Result<Box<dyn Metric>, EvaluationError> {
        self.check()?;
        let client = |name: &str| {
            let message = format!("there is no model '{name}'. Give the name of a model");
            model(name).ok_or(EvaluationError::Metric { metric: self.name(), message })
        };
        Ok(match self {
            Self::SemanticSimilarity(spec) => {
                Box::new(SemanticSimilarity::new(client(&spec.model)?).fitting(data)?)
            }
            Self::Judge(spec) => Box::new(Judge::new(client(&spec.model)?, spec.clone())?.fitting(data)?),
            Self::Code(spec) => Box::new(CodeTests::new(spec.clone())?.fitting(data)?),
            text => Box::new(Scorer::new(text, data)?),
        })
    }

    /// Checks everything that [`MetricSpec::build`] does, but for the models.
    ///
    /// # Errors
    /// As [`MetricSpec::build`].
    pub fn check_for(&self, data: &Dataset) -> Result<(), EvaluationError> {
        let nobody: Arc<dyn LlmClient> = Arc::new(inference::ScriptedClient::rules([]));
        self.build(data, |_| Some(Arc::clone(&nobody))).map(drop)
    }
}
