use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use evaluation::{Columns, Key, MetricSpec};
use inference::{LimitField, Scoring};
use meta_traits::Budget;
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::config::meta::{Format, MetaOrchestratorConfig, RawConfig};
use crate::simulated::{Family, Scenario};
use crate::system::SystemSpec;

/// A whole run as its file describes it.
///
/// Either `system` with `data` and `metric`, or `evaluator` alone: an outside program that brings all three.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Names the run's directory.
    #[serde(default = "default_name")]
    pub name: String,
    /// Seed of all random draws.
    #[serde(default)]
    pub seed: u64,
    /// The compound system to improve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemSpec>,
    /// A program that evaluates candidates instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<EvaluatorSpec>,
    /// A built-in simulated system instead: no model, no data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedSpec>,
    /// Where the examples are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataSpec>,
    /// How a reply is scored: a name such as `label`, or a name with settings such as `{judge: {model: NAME, rubric: ..}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricSpec>,
    /// The models that modules and proposers name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, ModelSpec>,
    /// A table of prices, relative to the config file; its rows come before those of the built-in table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PathBuf>,
    /// Where answers of models are kept.
    #[serde(default)]
    pub cache: CacheSpec,
    /// How to search.
    #[serde(default)]
    pub optimizer: OptimizerSpec,
    /// Settings of the whole orchestrator: the section of this name over the profile it names, under environment and
    /// flags. Absent where none of these says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<MetaOrchestratorConfig>,
    /// Hard limits; the smallest one reached ends the search. May be left out where the orchestrator is enabled, whose
    /// `total_compute_budget` is one as well.
    #[serde(default)]
    pub budget: BudgetSpec,
    /// The final scoring on the test split.
    #[serde(default)]
    pub report: ReportSpec,
    /// A file of what earlier runs learned, relative to the config file: the joint search begins with it, and adds to it when
    /// it ends. Nothing is kept without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experience: Option<PathBuf>,
    /// Where run directories are made, relative to the working directory.
    #[serde(default = "default_runs")]
    pub runs: PathBuf,
}

fn default_name() -> String {
    "run".into()
}

fn default_runs() -> PathBuf {
    "runs".into()
}

/// Paths of data files, relative to the config file: JSON lines, or by their ending `.csv`, `.tsv`, `.parquet`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Examples that proposers may see.
    pub train: PathBuf,
    /// Examples that decide what is kept; else `split` cuts them off train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<PathBuf>,
    /// Examples the search never touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Which columns or keys are read; `input`, `expected` and `meta` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// What is cut off train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitSpec>,
    /// Whether the same input may stand in two splits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_leakage: bool,
}

/// How validation and test examples are cut off the file of train.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// Share for validation, above 0 and below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<f64>,
    /// Share for the test split, above 0 and below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
    /// Instead of `val`: so many folds, one of which validates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Which fold validates, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// Whether expected answers are as frequent in every part.
    #[serde(default)]
    pub stratify: bool,
    /// A place such as `meta.user` or `input`: rows with the same value stay in one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Key>,
    /// Seed of the division; not the run's, so that runs of all seeds have the same test split.
    #[serde(default)]
    pub seed: u64,
}

/// A program that evaluates candidates, in any language.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorSpec {
    /// Program and arguments; run in the config file's directory.
    pub command: Vec<String>,
    /// Additional environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Seconds an answer may take.
    #[serde(default = "default_timeout")]
    pub timeout_s: f64,
    /// Seconds the greeting may take.
    #[serde(default = "default_timeout")]
    pub hello_timeout_s: f64,
    /// How often a crashed program is started again.
    #[serde(default = "default_restarts")]
    pub max_restarts: u32,
    /// Requests in flight; what the program says by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
}

fn default_timeout() -> f64 {
    60.0
}

fn default_restarts() -> u32 {
    5
}

/// An instance of the built-in simulated system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedSpec {
    /// Number of the instance.
    #[serde(default = "default_instance")]
    pub instance: u64,
    /// What a candidate is made of.
    #[serde(default = "default_scenario")]
    pub scenario: Scenario,
    /// Shape of the hidden problem.
    #[serde(default = "default_family")]
    pub family: Family,
    /// Share of evaluations that are fresh draws, 0 to 1; the family's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
}

fn default_instance() -> u64 {
    1
}

fn default_scenario() -> Scenario {
    Scenario::Prompts
}

fn default_family() -> Family {
    Family::Base
}

/// Who runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// This program, from a GGUF file.
    Embedded,
    /// OpenAI, or with `base_url` any OpenAI-compatible endpoint.
    Openai,
    /// Anthropic, by its own protocol.
    Anthropic,
    /// Google Gemini, by its own protocol.
    Gemini,
    /// Cohere, by its own protocol.
    Cohere,
    /// OpenRouter.
    Openrouter,
    /// Groq.
    Groq,
    /// Mistral.
    Mistral,
    /// DeepSeek.
    Deepseek,
    /// Together AI.
    Together,
    /// xAI.
    Xai,
    /// An Ollama server, by default on this machine.
    Ollama,
    /// An LM Studio server, by default on this machine.
    Lmstudio,
    /// A vLLM server, by default on this machine.
    Vllm,
    /// A llama.cpp server, by default on this machine.
    Llamacpp,
    /// A fixed answer to everything, for trying out a configuration without a model.
    Scripted,
}

impl Provider {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Openrouter => "openrouter",
            Self::Groq => "groq",
            Self::Mistral => "mistral",
            Self::Deepseek => "deepseek",
            Self::Together => "together",
            Self::Xai => "xai",
            Self::Ollama => "ollama",
            Self::Lmstudio => "lmstudio",
            Self::Vllm => "vllm",
            Self::Llamacpp => "llamacpp",
            Self::Scripted => "scripted",
        }
    }

    /// Whether requests go out over HTTP.
    pub fn is_hosted(self) -> bool {
        !matches!(self, Self::Embedded | Self::Scripted)
    }

    /// Whether somebody may send a bill: true of every service that is not by nature a server of one's own.
    pub fn may_cost_money(self) -> bool {
        self.is_hosted() && !matches!(self, Self::Ollama | Self::Lmstudio | Self::Vllm | Self::Llamacpp)
    }
}

/// One model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Who runs it.
    pub provider: Provider,
    /// Embedded: a known name or the path of a GGUF file. Hosted: the endpoint's name of the model. Scripted: the answer.
    #[serde(default = "default_model")]
    pub model: String,
    /// Embedded: whether a missing model may be downloaded.
    #[serde(default)]
    pub auto_download: bool,
    /// Embedded: threads, each serving one request; the processor's count by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Hosted: where the endpoint or a gateway is; the provider's own address by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Hosted: environment variable that holds the key; empty for none, the provider's usual one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// Hosted: headers sent with every request; secret values belong into `headers_env`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Hosted: headers whose values stand in environment variables of these names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers_env: BTreeMap<String, String>,
    /// Hosted: address of a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Hosted: environment variable that holds the proxy's `user:password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_login_env: Option<String>,
    /// Hosted: whether the host may be in a private network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
    /// Hosted: how the endpoint scores labels, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Scoring>,
    /// Hosted: the field that takes the token limit; newer OpenAI models demand `max_completion_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_field: Option<LimitField>,
    /// Hosted: seconds one try may take.
    #[serde(default = "default_timeout")]
    pub timeout_s: f64,
    /// Hosted: requests in flight.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// Hosted: tries after the first of a call that failed in a way that may pass.
    #[serde(default = "default_retries")]
    pub retries: u32,
    /// Hosted: seconds a call may take from its turn on, retries and waits included.
    #[serde(default = "default_deadline")]
    pub deadline_s: f64,
    /// Hosted: requests a minute; no limit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Hosted: tokens a minute, read and written; no limit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Hosted: US dollars for a million tokens read; by default what the price table says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_million_in: Option<f64>,
    /// Hosted: US dollars for a million tokens from the provider's prefix cache; by default that of tokens read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_million_cached: Option<f64>,
    /// Hosted: US dollars for a million tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_million_out: Option<f64>,
}

/// Where answers of models are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSpec {
    /// A folder, relative to the working directory, that any number of runs may share; the run's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Most MiB to keep; answers used longest ago go first.
    pub max_mib: u64,
}

impl Default for CacheSpec {
    fn default() -> Self {
        Self { directory: None, max_mib: 1024 }
    }
}

fn default_retries() -> u32 {
    8
}

fn default_deadline() -> f64 {
    180.0
}

fn default_model() -> String {
    "smollm2-135m-instruct".into()
}

fn default_concurrency() -> usize {
    4
}

/// The search algorithms that exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// GEPA: rewrite one component at a time in the light of its failures, keep a front per example.
    #[default]
    ReflectiveMutation,
    /// The same rewriting, with a joint posterior of all texts in place of the gate and the full validation: fewer metric
    /// calls, above all with noisy scores.
    Racing,
    /// The same over the lines that texts share, combined anew: fewer metric calls still where lines carry over.
    Joint,
    /// The joint search with systems that are the best under a draw of what is believed, and no others.
    ParetoSampling,
    /// The joint search with the best of every component merged, and nothing else.
    SystemAwareMerge,
    /// The joint search with changes of the flow alone.
    StructuralMutation,
    /// The joint search with mixtures of two systems, and nothing else.
    Crossover,
    /// The joint search with one line changed at random, and nothing else.
    RandomSearch,
}

impl Algorithm {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReflectiveMutation => "reflective_mutation",
            Self::Racing => "racing",
            Self::Joint => "joint",
            Self::ParetoSampling => "pareto_sampling",
            Self::SystemAwareMerge => "system_aware_merge",
            Self::StructuralMutation => "structural_mutation",
            Self::Crossover => "crossover",
            Self::RandomSearch => "random_search",
        }
    }
}

/// Who writes new texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProposerSpec {
    /// Edits of structure without any model: labels, examples, field names, wording from a small library.
    Structural,
    /// A model of `models` that is shown failures and writes a better text.
    Model(String),
    /// The evaluator program, if it offers to propose.
    External,
}

/// How to search.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerSpec {
    /// The algorithm; by default `joint` where `meta.enabled` is true, else `reflective_mutation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Training examples a proposal is tried on first.
    pub minibatch: usize,
    /// Validation examples that decide, drawn once with the expected answers evenly spread; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_examples: Option<usize>,
    /// Whether candidates are merged as well.
    pub merge: bool,
    /// Who writes; by default the evaluator program if it offers to, else structural edits.
    pub proposer: Option<ProposerSpec>,
    /// What the texts are for, in a sentence; shown to reflecting models.
    pub task: Option<String>,
    /// Most characters a text may have.
    pub max_prompt_length: usize,
    /// Failed metric calls in a row that end the run.
    pub failure_limit: u64,
}

impl Default for OptimizerSpec {
    fn default() -> Self {
        Self {
            algorithm: None,
            minibatch: 3,
            val_examples: None,
            merge: false,
            proposer: None,
            task: None,
            max_prompt_length: 2000,
            failure_limit: 20,
        }
    }
}

/// Hard limits. At least one must be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// Metric calls: one candidate on one example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Model calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_calls: Option<u64>,
    /// Tokens read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl From<Budget> for BudgetSpec {
    fn from(limits: Budget) -> Self {
        Self {
            calls: limits.evaluations,
            model_calls: limits.model_calls,
            tokens: limits.tokens,
            usd: limits.nano_usd.map(|nano| nano as f64 / 1e9),
            seconds: limits.wall.map(|wall| wall.as_secs_f64()),
        }
    }
}

impl BudgetSpec {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits in the units of the meter.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no limit, or one is negative or not a number.
    pub fn resolve(&self) -> Result<Budget, ConfigError> {
        for (field, value) in [("budget.usd", self.usd), ("budget.seconds", self.seconds)] {
            if let Some(v) = value.filter(|v| !v.is_finite() || *v < 0.0) {
                return Err(ConfigError::range(field, &v, "numbers from 0 on"));
            }
        }
        let limits = [
            self.calls.map(Budget::calls),
            self.model_calls.map(Budget::model_calls),
            self.tokens.map(Budget::tokens),
            self.usd.map(Budget::usd),
            self.seconds.map(|s| Budget::time(Duration::from_secs_f64(s.min(1e9)))),
        ];
        limits.into_iter().flatten().reduce(Budget::and).ok_or_else(|| {
            ConfigError::inconsistent(
                "budget sets no limit. Give at least one of calls, model_calls, tokens, usd, seconds",
            )
        })
    }
}

/// The final scoring of the seed and the best system on the test split.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSpec {
    /// Whether to score at all.
    pub test: bool,
    /// Most test examples to use; all by default. The first ones are taken.
    pub examples: Option<usize>,
}

impl Default for ReportSpec {
    fn default() -> Self {
        Self { test: true, examples: None }
    }
}

impl RunConfig {
    /// The algorithm that runs: the one that is named, else the joint search if the orchestrator is enabled, else static
    /// GEPA.
    pub fn algorithm(&self) -> Algorithm {
        let enabled = self.meta.as_ref().is_some_and(|meta| meta.enabled);
        self.optimizer.algorithm.unwrap_or(if enabled { Algorithm::Joint } else { Algorithm::default() })
    }

    /// The limits that the configuration names. None at all is allowed where the orchestrator is enabled, which brings
    /// one in compute units.
    ///
    /// # Errors
    /// As [`BudgetSpec::resolve`].
    pub fn limits(&self) -> Result<Budget, ConfigError> {
        let enabled = self.meta.as_ref().is_some_and(|meta| meta.enabled);
        if enabled && self.budget.is_empty() { Ok(Budget::UNLIMITED) } else { self.budget.resolve() }
    }

    /// Reads a configuration; `file` is what errors call it.
    ///
    /// # Errors
    /// [`ConfigError`] naming the place.
    pub fn from_text(text: &str, file: &str) -> Result<Self, ConfigError> {
        Self::from_text_under(text, file, RawConfig::default())
    }

    /// As [`RunConfig::from_text`], with `layers` of environment and explicit values over the section `meta`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the place.
    pub fn from_text_under(text: &str, file: &str, layers: RawConfig) -> Result<Self, ConfigError> {
        let resolved = layers.text(text, Format::Yaml, file)?.resolve()?;
        let mut config: Self = super::from_text(text, file)?;
        config.meta = resolved.is_given().then_some(resolved.config);
        config.check()?;
        Ok(config)
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the place.
    pub fn from_file(path: &std::path::Path) -> Result<Self, ConfigError> {
        Self::from_file_under(path, RawConfig::default())
    }

    /// As [`RunConfig::from_file`], with `layers` of environment and explicit values over the section `meta`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the place.
    pub fn from_file_under(path: &std::path::Path, layers: RawConfig) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::from_text_under(&text, &path.display().to_string(), layers)
    }
}
