use std::path::PathBuf;

use bayes_hyperopt::HyperOptConfig;
use coordination::CoordinationConfig;
use prompt_grammar::PromptConfig;
use rl_selector::RLConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use topology_neat::TopologyConfig;

use super::field::fields;
use super::origin::Origin;
use super::profile::Profile;
use super::raw::{RawConfig, refuse};
use super::{BudgetAllocationStrategy, OptimizationMode};
use crate::config::ConfigError;

/// Settings of the whole orchestrator.
///
/// In files the five sections are called `rl`, `topology`, `hyperopt`, `prompt` and `coordination`; the names of this
/// type's fields are understood too. Ranges and defaults of every field: [`fields`].
///
/// ```
/// use orchestrator_core::config::meta::{ConfigProfiles, MetaOrchestratorConfig, OptimizationMode};
/// # use serde_json::json;
/// let config = MetaOrchestratorConfig { optimization_mode: OptimizationMode::Aggressive, ..Default::default() };
/// config.validate()?;
/// let config = ConfigProfiles::get_profile("development")?;
/// let config = config.update_from_dict(&json!({"max_optimization_rounds": 100, "topology": {"mutation_rate": 0.4}}))?;
/// assert_eq!((config.max_optimization_rounds, config.topology_config.mutation_rate), (100, 0.4));
/// let fault = config.update_from_dict(&json!({"topology": {"mutation_rate": 1.4}})).unwrap_err().to_string();
/// assert_eq!(fault, "config: topology.mutation_rate = 1.4 is above 1.0. Allowed 0.1 to 1.0.");
/// # Ok::<(), orchestrator_core::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches with the names users know")]
pub struct MetaOrchestratorConfig {
    /// Whether the pillars work together; else static GEPA runs.
    pub enabled: bool,
    /// What the search is after; decides the pillars' shares.
    pub optimization_mode: OptimizationMode,
    /// How far spending may leave these shares.
    pub budget_allocation_strategy: BudgetAllocationStrategy,
    /// Gain that counts as an improvement; 0.001 to 0.5.
    pub performance_threshold: f64,
    /// Rounds of the search; 10 to 1000.
    pub max_optimization_rounds: u64,
    /// Components that work at the same time; 1 to 10.
    pub max_parallel_components: usize,
    /// Budget in passes over the validation examples; 10 to 1000.
    pub total_compute_budget: f64,
    /// Whether the cost of updates is predicted.
    pub resource_prediction_enabled: bool,
    /// Whether work is cut down when resources are short.
    pub approximation_fallback: bool,
    /// Megabytes the run may take, 512 and more; no limit by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_mb: Option<u64>,
    /// Whether every decision is logged.
    pub detailed_logging: bool,
    /// Whether the score is tracked over time.
    pub performance_tracking: bool,
    /// Whether what each component brought is measured.
    pub component_metrics: bool,
    /// Whether metrics are written for other programs.
    pub export_metrics: bool,
    /// Seconds between two exports; 10 to 3600.
    pub metrics_export_interval: u64,
    /// Whether settings follow what earlier runs showed.
    pub auto_tuning_enabled: bool,
    /// Whether timeouts follow what answers take.
    pub adaptive_timeout: bool,
    /// Whether checkpoints are kept besides the log.
    pub checkpoint_enabled: bool,
    /// Rounds between two checkpoints; 10 to 1000.
    pub checkpoint_interval: u64,
    /// File to read where none is named: an explicit or a variable's value is read as the layer of the file, one that
    /// stands in a file is only a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_file_path: Option<PathBuf>,
    /// Beginning of the variables' names.
    pub environment_prefix: String,
    /// The profile that all other settings were laid over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Algorithm selection.
    #[serde(rename = "rl", alias = "rl_config")]
    pub rl_config: RLConfig,
    /// Evolution of structure.
    #[serde(rename = "topology", alias = "topology_config")]
    pub topology_config: TopologyConfig,
    /// Search over numbers.
    #[serde(rename = "hyperopt", alias = "hyperopt_config")]
    pub hyperopt_config: HyperOptConfig,
    /// Evolution of prompts.
    #[serde(rename = "prompt", alias = "prompt_config")]
    pub prompt_config: PromptConfig,
    /// Coordination of the four.
    #[serde(rename = "coordination", alias = "coordination_config")]
    pub coordination_config: CoordinationConfig,
}

impl Default for MetaOrchestratorConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            optimization_mode: OptimizationMode::default(),
            budget_allocation_strategy: BudgetAllocationStrategy::default(),
            performance_threshold: 0.05,
            max_optimization_rounds: 100,
            max_parallel_components: 4,
            total_compute_budget: 100.0,
            resource_prediction_enabled: true,
            approximation_fallback: true,
            memory_limit_mb: None,
            detailed_logging: true,
            performance_tracking: true,
            component_metrics: true,
            export_metrics: false,
            metrics_export_interval: 60,
            auto_tuning_enabled: false,
            adaptive_timeout: true,
            checkpoint_enabled: false,
            checkpoint_interval: 100,
            config_file_path: None,
            environment_prefix: "GEPA_META".into(),
            profile: None,
            rl_config: RLConfig::default(),
            topology_config: TopologyConfig::default(),
            hyperopt_config: HyperOptConfig::default(),
            prompt_config: PromptConfig::default(),
            coordination_config: CoordinationConfig::default(),
        }
    }
}

impl MetaOrchestratorConfig {
    /// Checks every range, and what fields need of each other.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] with the path of the first field outside its range, its value and the range;
    /// [`ConfigError::Inconsistent`] for fields that do not fit together.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, value) in fields().iter().zip(self.values()?) {
            field.kind.check(&value).map_err(|fault| refuse(field.path, fault, &Origin::Default))?;
        }
        self.check_together(&Origin::Default)
    }

    /// What fields need of each other; `origin` is that of the mode.
    pub(super) fn check_together(&self, origin: &Origin) -> Result<(), ConfigError> {
        if self.optimization_mode == OptimizationMode::Aggressive && !self.approximation_fallback {
            let place = origin.place();
            return Err(ConfigError::inconsistent(format!(
                "optimization_mode = aggressive{place} needs approximation_fallback = true. Set it, or choose another mode"
            )));
        }
        Ok(())
    }

    /// The settings of a profile, all others at their defaults.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] that lists the profiles.
    pub fn from_profile(name: &str) -> Result<Self, ConfigError> {
        Ok(RawConfig::default().profile(name).resolve()?.config)
    }

    /// The settings of the variables that begin with `prefix` and an underscore, over those of the profile they name.
    ///
    /// `variables` are all variables there are, such as `std::env::vars()`.
    ///
    /// # Errors
    /// [`ConfigError`] that names the variable.
    pub fn from_env(
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Ok(RawConfig::default().prefix(prefix).environment(variables).resolve()?.config)
    }

    /// This with the settings of `dict` laid over it, section by section: what `dict` does not name stays. A profile
    /// that it names is laid between the two.
    ///
    /// # Errors
    /// [`ConfigError`] as for [`MetaOrchestratorConfig::validate`], and for unknown keys.
    pub fn update_from_dict(&self, dict: &Value) -> Result<Self, ConfigError> {
        Ok(RawConfig::over(self)?.explicit(dict)?.resolve()?.config)
    }

    /// The values in the order of [`fields`].
    pub(super) fn values(&self) -> Result<Vec<Value>, ConfigError> {
        let whole = serde_json::to_value(self)
            .map_err(|e| ConfigError::inconsistent(format!("the settings cannot be written: {e}")))?;
        let value = |field: &super::Field| match super::field::value_at(&whole, field.path) {
            // JSON has no word for these, and no number may be missing.
            Value::Null if field.kind.is_number() => "NaN or infinity".into(),
            value => value,
        };
        Ok(fields().iter().map(value).collect())
    }
}
