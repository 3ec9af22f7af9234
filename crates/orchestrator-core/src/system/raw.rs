//! From loose keys to a module of one kind.

use indexmap::IndexMap;
use serde::Deserialize;

use super::spec::{
    Choose, LlmSpec, ModuleSpec, PromptFormat, RetrieveSpec, RouteSpec, ToolSpec, VerifySpec, VoteSpec,
    nearest,
};

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Llm,
    Retrieve,
    Tool,
    Vote,
    Verify,
    Route,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Retrieve => "retrieve",
            Self::Tool => "tool",
            Self::Vote => "vote",
            Self::Verify => "verify",
            Self::Route => "route",
        }
    }
}

/// Every key that some kind knows. One flat struct, so that the parser can name line and nearest key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModule {
    kind: Kind,
    model: Option<String>,
    prompt: Option<String>,
    labels: Option<Vec<String>>,
    label_prefix: Option<String>,
    calibrate: Option<bool>,
    choose: Option<Choose>,
    format: Option<PromptFormat>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    stop: Option<Vec<String>>,
    optimize: Option<bool>,
    corpus: Option<String>,
    k: Option<usize>,
    query: Option<String>,
    each: Option<String>,
    between: Option<String>,
    command: Option<Vec<String>>,
    url: Option<String>,
    input: Option<String>,
    timeout_s: Option<f64>,
    max_bytes: Option<usize>,
    of: Option<Vec<String>>,
    accept: Option<String>,
    reject: Option<String>,
    on: Option<String>,
    cases: Option<IndexMap<String, Vec<String>>>,
    default: Option<Vec<String>>,
}

impl RawModule {
    fn given(&self) -> Vec<&'static str> {
        let keys = [
            ("model", self.model.is_some()),
            ("prompt", self.prompt.is_some()),
            ("labels", self.labels.is_some()),
            ("label_prefix", self.label_prefix.is_some()),
            ("calibrate", self.calibrate.is_some()),
            ("choose", self.choose.is_some()),
            ("format", self.format.is_some()),
            ("max_tokens", self.max_tokens.is_some()),
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("stop", self.stop.is_some()),
            ("optimize", self.optimize.is_some()),
            ("corpus", self.corpus.is_some()),
            ("k", self.k.is_some()),
            ("query", self.query.is_some()),
            ("each", self.each.is_some()),
            ("between", self.between.is_some()),
            ("command", self.command.is_some()),
            ("url", self.url.is_some()),
            ("input", self.input.is_some()),
            ("timeout_s", self.timeout_s.is_some()),
            ("max_bytes", self.max_bytes.is_some()),
            ("of", self.of.is_some()),
            ("accept", self.accept.is_some()),
            ("reject", self.reject.is_some()),
            ("on", self.on.is_some()),
            ("cases", self.cases.is_some()),
            ("default", self.default.is_some()),
        ];
        keys.into_iter().filter_map(|(key, given)| given.then_some(key)).collect()
    }

    /// Fails on a key that belongs to another kind.
    fn only(&self, allowed: &[&'static str]) -> Result<(), String> {
        match self.given().into_iter().find(|key| !allowed.contains(key)) {
            None => Ok(()),
            Some(key) => {
                let kind = self.kind.name();
                let hint = nearest(key, allowed.iter().copied());
                Err(format!(
                    "key {key} does not belong to kind {kind}{hint}; allowed: {}",
                    allowed.join(", ")
                ))
            }
        }
    }

    fn need<T>(kind: Kind, key: &str, value: Option<T>) -> Result<T, String> {
        value.ok_or_else(|| format!("kind {} needs the key {key}", kind.name()))
    }
}

impl TryFrom<RawModule> for ModuleSpec {
    type Error = String;

    fn try_from(raw: RawModule) -> Result<Self, String> {
        let kind = raw.kind;
        let prefix = match raw.format {
            Some(PromptFormat::Chat) => "",
            _ => " ",
        };
        let label_prefix = raw.label_prefix.clone().unwrap_or_else(|| prefix.to_owned());
        match kind {
            Kind::Llm => {
                raw.only(&[
                    "model",
                    "prompt",
                    "labels",
                    "label_prefix",
                    "choose",
                    "calibrate",
                    "format",
                    "max_tokens",
                    "temperature",
                    "top_p",
                    "stop",
                    "optimize",
                ])?;
                Ok(Self::Llm(LlmSpec {
                    model: RawModule::need(kind, "model", raw.model)?,
                    prompt: RawModule::need(kind, "prompt", raw.prompt)?,
                    labels: raw.labels,
                    label_prefix,
                    choose: raw.choose.unwrap_or_default(),
                    calibrate: raw.calibrate.unwrap_or(false),
                    format: raw.format.unwrap_or_default(),
                    max_tokens: raw.max_tokens.unwrap_or(64),
                    temperature: raw.temperature.unwrap_or(0.0),
                    top_p: raw.top_p.unwrap_or(1.0),
                    stop: raw.stop.unwrap_or_default(),
                    optimize: raw.optimize.unwrap_or(true),
                }))
            }
            Kind::Retrieve => {
                raw.only(&["corpus", "k", "query", "each", "between"])?;
                Ok(Self::Retrieve(RetrieveSpec {
                    corpus: RawModule::need(kind, "corpus", raw.corpus)?,
                    k: RawModule::need(kind, "k", raw.k)?,
                    query: RawModule::need(kind, "query", raw.query)?,
                    each: raw.each,
                    between: raw.between.unwrap_or_else(|| "\n".to_owned()),
                }))
            }
            Kind::Tool => {
                raw.only(&["command", "url", "input", "timeout_s", "max_bytes"])?;
                Ok(Self::Tool(ToolSpec {
                    command: raw.command.unwrap_or_default(),
                    url: raw.url,
                    input: RawModule::need(kind, "input", raw.input)?,
                    timeout_s: raw.timeout_s.unwrap_or(30.0),
                    max_bytes: raw.max_bytes.unwrap_or(16_384),
                }))
            }
            Kind::Vote => {
                raw.only(&["of"])?;
                Ok(Self::Vote(VoteSpec { of: RawModule::need(kind, "of", raw.of)? }))
            }
            Kind::Verify => {
                raw.only(&[
                    "model",
                    "prompt",
                    "accept",
                    "reject",
                    "label_prefix",
                    "choose",
                    "format",
                    "optimize",
                ])?;
                Ok(Self::Verify(VerifySpec {
                    model: RawModule::need(kind, "model", raw.model)?,
                    prompt: RawModule::need(kind, "prompt", raw.prompt)?,
                    accept: raw.accept.unwrap_or_else(|| "yes".to_owned()),
                    reject: raw.reject.unwrap_or_else(|| "no".to_owned()),
                    label_prefix,
                    choose: raw.choose.unwrap_or_default(),
                    format: raw.format.unwrap_or_default(),
                    optimize: raw.optimize.unwrap_or(false),
                }))
            }
            Kind::Route => {
                raw.only(&["on", "cases", "default"])?;
                Ok(Self::Route(RouteSpec {
                    on: RawModule::need(kind, "on", raw.on)?,
                    cases: RawModule::need(kind, "cases", raw.cases)?,
                    default: raw.default,
                }))
            }
        }
    }
}
