//! Calls of single modules.

use std::collections::BTreeMap;
use std::time::Duration;

use inference::{Generate, InferenceError, Message, Prompt, Role, Score};

use super::compound::Part;
use super::execute::{Run, starts_with};
use super::http::call_address;
use super::scope::{Reply, Scope};
use super::spec::{Choose, LlmSpec, ModuleSpec, PromptFormat, VerifySpec};
use super::template::Template;
use super::tool::{Limits, call_program};
use super::{ModuleTrace, SystemError, retrieve};

/// What is asked of a model, whichever kind of module asks.
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) labels: Vec<&'a str>,
    pub(super) label_prefix: &'a str,
    pub(super) choose: Choose,
    pub(super) calibrate: bool,
    pub(super) format: PromptFormat,
    pub(super) max_tokens: u32,
    pub(super) temperature: f32,
    pub(super) top_p: f32,
    pub(super) stop: &'a [String],
}

/// Tokens that a verdict may take where the model writes it.
const VERDICT_TOKENS: u32 = 8;

impl<'a> Question<'a> {
    fn of_llm(m: &'a LlmSpec) -> Self {
        Self {
            model: &m.model,
            labels: m.labels.iter().flatten().map(|l| l.trim()).collect(),
            label_prefix: &m.label_prefix,
            choose: m.choose,
            calibrate: m.calibrate,
            format: m.format,
            max_tokens: m.max_tokens,
            temperature: m.temperature,
            top_p: m.top_p,
            stop: &m.stop,
        }
    }

    fn of_verify(m: &'a VerifySpec) -> Self {
        Self {
            model: &m.model,
            labels: vec![m.accept.trim(), m.reject.trim()],
            label_prefix: &m.label_prefix,
            choose: m.choose,
            calibrate: false,
            format: m.format,
            max_tokens: VERDICT_TOKENS,
            temperature: 0.0,
            top_p: 1.0,
            stop: &[],
        }
    }

    /// What `module` asks, if it asks a model.
    pub(super) fn of(module: &'a ModuleSpec) -> Option<Self> {
        match module {
            ModuleSpec::Llm(m) => Some(Self::of_llm(m)),
            ModuleSpec::Verify(m) => Some(Self::of_verify(m)),
            _ => None,
        }
    }

    /// Whether the labels are scored, and nothing is written.
    pub(super) fn scores(&self) -> bool {
        !self.labels.is_empty() && self.choose == Choose::Score
    }

    fn prompt(&self, text: String) -> Prompt {
        match self.format {
            PromptFormat::Text => Prompt::Text(text),
            PromptFormat::Chat => Prompt::Chat(vec![Message { role: Role::User, content: text }]),
        }
    }

    /// The request that writes an answer.
    pub(super) fn generate(&self, text: String, shared_prefix: usize, seed: u64) -> Generate {
        let mut request = Generate::new(self.prompt(text));
        request.shared_prefix = shared_prefix;
        request.max_tokens = self.max_tokens;
        request.temperature = self.temperature;
        request.top_p = self.top_p;
        request.seed = seed;
        request.stop = self.stop.to_vec();
        request
    }

    /// The request that scores the labels.
    fn score(&self, text: String, shared_prefix: usize) -> Score {
        let continuations = self.labels.iter().map(|l| format!("{}{l}", self.label_prefix)).collect();
        let mut request = Score::new(self.prompt(text), continuations);
        request.shared_prefix = shared_prefix;
        request
    }

    /// The label that a written answer means, else the answer as it is.
    fn read(&self, answer: &str) -> String {
        let answer = answer.trim();
        let starting = self.labels.iter().filter(|l| starts_with(answer, l)).max_by_key(|l| l.len());
        let lower = answer.to_lowercase();
        let mentioned = || {
            let found = self.labels.iter().filter_map(|l| Some((lower.find(&l.to_lowercase())?, l)));
            found.min_by_key(|(at, label)| (*at, std::cmp::Reverse(label.len()))).map(|(_, label)| label)
        };
        starting.or_else(mentioned).map_or(answer, |label| label).to_owned()
    }
}

/// The prompt with every value left open.
fn blank(template: &Template) -> Result<String, String> {
    let values: BTreeMap<&str, &str> = template.variables().map(|name| (name, "N/A")).collect();
    template.render(&minijinja::Value::from(values))
}

impl Run<'_> {
    /// Calls a module that runs no other modules. The trace holds what the call cost, whether it succeeded or not.
    pub(super) async fn invoke(
        &self,
        name: &str,
        part: &Part,
        scope: &Scope,
        call: u64,
    ) -> (ModuleTrace, Result<Reply, SystemError>) {
        let mut trace = ModuleTrace { module: name.to_owned(), call, ..ModuleTrace::default() };
        let reply = self.answer(part, scope, &mut trace).await;
        if let (true, Ok(reply)) = (self.trace, &reply) {
            trace.output.clone_from(&reply.text);
        }
        (trace, reply)
    }

    async fn answer(
        &self,
        part: &Part,
        scope: &Scope,
        trace: &mut ModuleTrace,
    ) -> Result<Reply, SystemError> {
        let Some(template) = self.prompts.get(&trace.module).or(part.template.as_ref()) else {
            return Ok(Reply::text(""));
        };
        let unfilled = |message| SystemError::Render { module: trace.module.clone(), message };
        let text = template.render(&scope.values()).map_err(unfilled)?;
        if self.trace {
            trace.prompt.clone_from(&text);
            let used = template.variables().filter_map(|v| Some((v.to_owned(), scope.text(v)?.to_owned())));
            trace.inputs = used.collect();
        }
        match &part.spec {
            ModuleSpec::Retrieve(m) => {
                let found = part.index.as_ref().map(|i| i.search(&text, m.k, self.input)).unwrap_or_default();
                retrieve::write(&found, part.each.as_ref(), &m.between)
                    .map_err(|message| SystemError::Render { module: trace.module.clone(), message })
            }
            ModuleSpec::Tool(m) => {
                let limits = Limits { timeout: Duration::from_secs_f64(m.timeout_s), max_bytes: m.max_bytes };
                let answer = match &m.url {
                    Some(url) => call_address(url, text, limits).await,
                    None => call_program(&m.command, &self.system.folder, &text, limits).await,
                };
                let answer =
                    answer.map_err(|fault| SystemError::Tool { module: trace.module.clone(), fault })?;
                Ok(Reply::text(answer))
            }
            module => match Question::of(module) {
                Some(question) => self.ask(&question, template, text, trace).await,
                None => Ok(Reply::text("")),
            },
        }
    }

    async fn ask(
        &self,
        question: &Question<'_>,
        template: &Template,
        text: String,
        trace: &mut ModuleTrace,
    ) -> Result<Reply, SystemError> {
        let name = trace.module.clone();
        let failed = |source| SystemError::Model { module: name.clone(), source };
        let Some(client) = self.system.models.0.get(question.model) else {
            return Err(failed(InferenceError::Invalid {
                model: question.model.to_owned(),
                message: "the model is not configured".into(),
            }));
        };
        let shared = template.static_prefix().min(text.len());
        if question.scores() {
            let unable = |error| match error {
                InferenceError::Unsupported { model, .. } => {
                    SystemError::CannotScore { module: name.clone(), model }
                }
                other => failed(other),
            };
            let mut scored = client.score(&question.score(text, shared)).await.map_err(unable)?;
            trace.cost = scored.usage.cost();
            if question.calibrate {
                let blank = blank(template)
                    .map_err(|message| SystemError::Render { module: name.clone(), message })?;
                let shared = shared.min(blank.len());
                let base = client.score(&question.score(blank, shared)).await.map_err(unable)?;
                trace.cost += base.usage.cost();
                for (score, base) in scored.log_probs.iter_mut().zip(&base.log_probs) {
                    *score -= base;
                }
            }
            let best = scored.best().and_then(|i| question.labels.get(i).copied());
            let label = best.ok_or_else(|| SystemError::NoScore { module: name.clone() })?;
            if self.trace {
                let labels = question.labels.iter().map(|l| (*l).to_owned());
                trace.label_scores = labels.zip(scored.log_probs).collect();
            }
            return Ok(Reply::text(label));
        }
        let seed = self.stream.child(&name, trace.call).bits();
        let written = client.generate(&question.generate(text, shared, seed)).await.map_err(failed)?;
        trace.cost = written.usage.cost();
        Ok(Reply::text(if question.labels.is_empty() {
            written.text.trim().to_owned()
        } else {
            question.read(&written.text)
        }))
    }
}
