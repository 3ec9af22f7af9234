//! The written form of a compound system.

use std::fmt::Display;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::raw::RawModule;
use super::{Allowed, GraphRole, Step, SystemError};

/// A compound AI system as its author writes it, in YAML or JSON.
///
/// ```
/// use orchestrator_core::system::SystemSpec;
/// let spec = SystemSpec::from_yaml(r#"
/// input: [text]
/// modules:
///   similar: {kind: retrieve, corpus: train, k: 2, query: "{{ text }}"}
///   topic:
///     kind: llm
///     model: task
///     prompt: |
///       {{ similar }}
///       Message: {{ text }}
///       Topic:
///     labels: [billing, delivery]
/// flow: [similar, topic]
/// "#).unwrap();
/// assert!(spec.validate(&["task"]).is_ok());
/// let wrong = SystemSpec::from_yaml("modules: {}\nflow: [topc]").unwrap();
/// assert!(wrong.validate(&["task"]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SystemSpec {
    /// Fields of the example's input that templates may use. An input that is no JSON object is the value of the one
    /// declared field. Default: `input`.
    #[serde(default = "default_input")]
    pub input: Vec<String>,
    /// A template over fields and results that makes the answer. Default: the result of the last module that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The modules by name, in the author's order.
    pub modules: IndexMap<String, ModuleSpec>,
    /// What runs when. Default: every module once, each after those it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Vec<Step>>,
    /// Instead of `flow`: several by name, among which the search chooses; it starts from the first.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub flows: IndexMap<String, Vec<Step>>,
    /// Keys of modules that the search sets, as `module.key`, with what they may be set to, the module's own value included.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub search: IndexMap<String, Allowed>,
    /// Lets the search make flows of its own: graphs of these modules, beside the flows that are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evolve: Option<EvolveSpec>,
}

/// What flows may be made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EvolveSpec {
    /// The modules; default all but `vote` and `route`, whose work graphs do themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// What a module does in a graph, where its kind and template do not say: an `llm` module that uses `draft` and
    /// `critique` refines, one that uses `draft` criticises, any other answers.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub roles: IndexMap<String, GraphRole>,
    /// Most modules of a graph, 1 to 24; default 6.
    #[serde(default = "default_graph")]
    pub max_modules: usize,
}

fn default_graph() -> usize {
    6
}

fn default_input() -> Vec<String> {
    vec!["input".to_owned()]
}

impl SystemSpec {
    /// Reads the contents of a `system:` section written in YAML.
    ///
    /// # Errors
    /// [`SystemError::Parse`] with line and column.
    pub fn from_yaml(text: &str) -> Result<Self, SystemError> {
        serde_saphyr::from_str(text).map_err(|e| SystemError::Parse { message: parse_message(&e) })
    }

    /// Reads the contents of a `system` entry written in JSON.
    ///
    /// # Errors
    /// [`SystemError::Parse`] with line and column.
    pub fn from_json(text: &str) -> Result<Self, SystemError> {
        serde_json::from_str(text).map_err(|e| SystemError::Parse { message: parse_message(&e) })
    }
}

/// A parser's message in one line, with the nearest name where an unknown one was given.
fn parse_message(error: &dyn Display) -> String {
    let text = error.to_string();
    let message = super::template::one_line(text.split("\n -->").next().unwrap_or(&text));
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let Some((_, unknown)) = message.split_once("unknown ") else { return message.to_owned() };
    let (Some(given), Some((_, known))) = (unknown.split('`').nth(1), unknown.split_once(", expected "))
    else {
        return message.to_owned();
    };
    let known = known.strip_prefix("one of ").unwrap_or(known);
    let hint =
        nearest(given, known.split([',', ' ']).map(|k| k.trim_matches(['`', ' '])).filter(|k| !k.is_empty()));
    format!("{message}{hint}")
}

/// `; did you mean NAME?`, if some allowed name is near.
pub(super) fn nearest<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    let mut best: Option<(usize, &str)> = None;
    for name in allowed {
        let distance = strsim::damerau_levenshtein(given, name);
        let near = distance <= 1 + name.chars().count() / 4 && distance < name.chars().count();
        if near && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default()
}

/// One module, by its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "RawModule")]
#[non_exhaustive]
pub enum ModuleSpec {
    /// A model call.
    Llm(LlmSpec),
    /// A search for passages.
    Retrieve(RetrieveSpec),
    /// A program or address that turns text into text.
    Tool(ToolSpec),
    /// The most frequent result of other modules.
    Vote(VoteSpec),
    /// A judgement of a draft by a model.
    Verify(VerifySpec),
    /// Other modules, chosen by a value.
    Route(RouteSpec),
}

/// How a prompt is given to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptFormat {
    /// Raw text that the model continues.
    #[default]
    Text,
    /// One message of the user in the model's chat template.
    Chat,
}

/// How one of several labels is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Choose {
    /// The continuation that the model finds likeliest; nothing is written.
    #[default]
    Score,
    /// The model writes; the label that its answer starts with, else the one it mentions first, else the answer as it
    /// is. For hosted models that cannot score.
    Generate,
}

/// A model call: free text, or one of some labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LlmSpec {
    /// Key of the configuration's `models`.
    pub model: String,
    /// The template; a component of the system unless `optimize` is false.
    pub prompt: String,
    /// The allowed answers, at least two; left out for free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Put before each label when scoring, so that prompt and label do not merge into one token.
    /// Default a space for raw text, nothing for chat.
    pub label_prefix: String,
    /// How labels are chosen.
    pub choose: Choose,
    /// Whether a label's score is taken relative to its score where every value in the prompt is `N/A`: contextual
    /// calibration (Zhao et al. 2021), against a model that prefers a label whatever it reads. One more model call.
    /// Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calibrate: bool,
    /// Raw text or chat.
    pub format: PromptFormat,
    /// Most tokens to write, 1 to 32768. Default 64.
    pub max_tokens: u32,
    /// Softmax temperature, 0 to 2; 0 is greedy. Default 0.
    pub temperature: f32,
    /// Nucleus, above 0 to 1. Default 1.
    pub top_p: f32,
    /// Texts that end the answer. The answer is trimmed of outer blanks in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Whether the prompt may be rewritten by the search. Default true.
    pub optimize: bool,
}

/// The passages of a corpus that fit a query best (BM25, English stemming and stop words).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetrieveSpec {
    /// `train` (inputs and expected answers of the train split, never one with the same input as the example), or the
    /// path of a `.jsonl` file (a text or an object a line) or of a text file (passages between blank lines).
    pub corpus: String,
    /// Most passages, 1 to 100.
    pub k: usize,
    /// A template: what to look for.
    pub query: String,
    /// A template that writes one passage: `input` and `expected` for train, the fields of a JSON object, else `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Text between passages. Default a newline.
    pub between: String,
}

/// A child process (text on standard input, answer on standard output) or an HTTP address (text by POST).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSpec {
    /// Program and arguments, run in the configuration's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The address, instead of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A template: what the tool is given.
    pub input: String,
    /// Seconds to answer, above 0 to 3600. Default 30.
    pub timeout_s: f64,
    /// Longest answer in bytes, 1 to 1048576. Default 16384.
    pub max_bytes: usize,
}

/// The most frequent result of several modules (outer blanks ignored), the first of equals. Members that have not run
/// are run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VoteSpec {
    /// The modules, at least two.
    pub of: Vec<String>,
}

/// A judgement of a draft: the result is the text of `accept` or of `reject`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifySpec {
    /// Key of the configuration's `models`.
    pub model: String,
    /// The template that asks.
    pub prompt: String,
    /// The answer that accepts. Default `yes`.
    pub accept: String,
    /// The answer that rejects. Default `no`.
    pub reject: String,
    /// As in [`LlmSpec::label_prefix`].
    pub label_prefix: String,
    /// As in [`LlmSpec::choose`]; an answer that is neither rejects.
    pub choose: Choose,
    /// Raw text or chat.
    pub format: PromptFormat,
    /// Whether the prompt may be rewritten by the search. Default false: a judge that may be rewritten learns to agree.
    pub optimize: bool,
}

/// Runs the modules that a value names; its result is that of the last of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouteSpec {
    /// A template.
    pub on: String,
    /// Value of `on` (outer blanks ignored) to modules.
    pub cases: IndexMap<String, Vec<String>>,
    /// Modules for every other value; without it such a value fails the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
}

impl ModuleSpec {
    /// The `kind` as written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Llm(_) => "llm",
            Self::Retrieve(_) => "retrieve",
            Self::Tool(_) => "tool",
            Self::Vote(_) => "vote",
            Self::Verify(_) => "verify",
            Self::Route(_) => "route",
        }
    }

    /// The template that takes values from elsewhere, with the name of its key.
    pub(super) fn template(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Llm(m) => Some(("prompt", &m.prompt)),
            Self::Verify(m) => Some(("prompt", &m.prompt)),
            Self::Retrieve(m) => Some(("query", &m.query)),
            Self::Tool(m) => Some(("input", &m.input)),
            Self::Route(m) => Some(("on", &m.on)),
            Self::Vote(_) => None,
        }
    }

    /// Modules that this one runs.
    pub(super) fn members(&self) -> Vec<&str> {
        match self {
            Self::Vote(m) => m.of.iter().map(String::as_str).collect(),
            Self::Route(m) => m.cases.values().chain(&m.default).flatten().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The model's key, if a model is asked.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Llm(m) => Some(&m.model),
            Self::Verify(m) => Some(&m.model),
            _ => None,
        }
    }

    /// The prompt, if the search may rewrite it.
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::Llm(m) if m.optimize => Some(&m.prompt),
            Self::Verify(m) if m.optimize => Some(&m.prompt),
            _ => None,
        }
    }
}
