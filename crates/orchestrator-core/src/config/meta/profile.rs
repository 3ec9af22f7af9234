use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settings::MetaOrchestratorConfig;
use crate::config::ConfigError;

/// Settings that go together, for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// For development and tests.
    Development,
    /// For production.
    Production,
    /// For research.
    Research,
    /// Where resources are short.
    Conservative,
    /// Where the best result counts.
    Aggressive,
    /// For quick trials.
    Minimal,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] = [
        Self::Development,
        Self::Production,
        Self::Research,
        Self::Conservative,
        Self::Aggressive,
        Self::Minimal,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
            Self::Research => "research",
            Self::Conservative => "conservative",
            Self::Aggressive => "aggressive",
            Self::Minimal => "minimal",
        }
    }

    /// What it is for, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Development => "development and tests: moderate, with checkpoints",
            Self::Production => "production: improves what is good already, logs little",
            Self::Research => "research: explores widely, exports all metrics",
            Self::Conservative => "short resources: small, safe steps",
            Self::Aggressive => "the best result there is: everything at once, tunes itself",
            Self::Minimal => "quick trials: ten rounds, no extras",
        }
    }

    /// What it sets; everything else stays at its default.
    pub fn settings(self) -> Value {
        match self {
            Self::Development => json!({
                "enabled": true,
                "optimization_mode": "balanced",
                "budget_allocation_strategy": "dynamic",
                "max_optimization_rounds": 50,
                "total_compute_budget": 50.0,
                "detailed_logging": true,
                "checkpoint_enabled": true,
                "checkpoint_interval": 25,
            }),
            Self::Production => json!({
                "enabled": true,
                "optimization_mode": "exploitation",
                "budget_allocation_strategy": "adaptive",
                "max_optimization_rounds": 200,
                "total_compute_budget": 200.0,
                "detailed_logging": false,
                "performance_tracking": true,
                "approximation_fallback": true,
                "adaptive_timeout": true,
            }),
            Self::Research => json!({
                "enabled": true,
                "optimization_mode": "exploration",
                "budget_allocation_strategy": "adaptive",
                "max_optimization_rounds": 500,
                "total_compute_budget": 500.0,
                "detailed_logging": true,
                "component_metrics": true,
                "export_metrics": true,
                "checkpoint_enabled": true,
                "checkpoint_interval": 50,
                "topology": {"diversity_maintenance": true, "mutation_rate": 0.4, "crossover_rate": 0.6},
            }),
            Self::Conservative => json!({
                "enabled": true,
                "optimization_mode": "conservative",
                "budget_allocation_strategy": "fixed",
                "max_optimization_rounds": 30,
                "total_compute_budget": 30.0,
                "max_parallel_components": 2,
                "approximation_fallback": true,
                "detailed_logging": false,
            }),
            Self::Aggressive => json!({
                "enabled": true,
                "optimization_mode": "aggressive",
                "budget_allocation_strategy": "adaptive",
                "max_optimization_rounds": 1000,
                "total_compute_budget": 1000.0,
                "max_parallel_components": 8,
                "approximation_fallback": true,
                "auto_tuning_enabled": true,
                "topology": {"mutation_rate": 0.5, "crossover_rate": 0.8, "elitism_rate": 0.05},
            }),
            Self::Minimal => json!({
                "enabled": true,
                "optimization_mode": "balanced",
                "budget_allocation_strategy": "fixed",
                "max_optimization_rounds": 10,
                "total_compute_budget": 10.0,
                "max_parallel_components": 1,
                "detailed_logging": false,
                "performance_tracking": false,
                "component_metrics": false,
            }),
        }
    }
}

/// The profiles by name.
///
/// ```
/// use orchestrator_core::config::meta::ConfigProfiles;
/// assert_eq!(ConfigProfiles::get_profile("minimal")?.max_optimization_rounds, 10);
/// let fault = ConfigProfiles::get_profile("prod").unwrap_err().to_string();
/// assert!(fault.starts_with("config: profile = prod is unknown; did you mean production? Allowed development, "));
/// # Ok::<(), orchestrator_core::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConfigProfiles;

impl ConfigProfiles {
    /// The settings of a profile, all others at their defaults.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] that lists the profiles.
    pub fn get_profile(name: &str) -> Result<MetaOrchestratorConfig, ConfigError> {
        MetaOrchestratorConfig::from_profile(name)
    }

    /// The names of all profiles.
    pub fn names() -> [&'static str; 6] {
        Profile::ALL.map(Profile::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::meta::table::PROFILES;

    /// What differs from the defaults, the profile's own name apart.
    fn differences(profile: Profile) -> Vec<String> {
        let config = ConfigProfiles::get_profile(profile.name()).unwrap();
        assert_eq!(config.profile, Some(profile));
        let values = config.values().unwrap();
        let pairs = crate::config::meta::fields().iter().zip(values);
        pairs
            .filter(|(field, value)| field.default() != *value && field.path() != "profile")
            .map(|(field, value)| format!("{} {value}", field.path()))
            .collect()
    }

    #[test]
    fn each_profile_differs_from_the_defaults_in_these_settings_alone() {
        let documented: [(Profile, &[&str]); 6] = [
            (
                Profile::Development,
                &[
                    "max_optimization_rounds 50",
                    "total_compute_budget 50.0",
                    "checkpoint_enabled true",
                    "checkpoint_interval 25",
                ],
            ),
            (
                Profile::Production,
                &[
                    "optimization_mode \"exploitation\"",
                    "budget_allocation_strategy \"adaptive\"",
                    "max_optimization_rounds 200",
                    "total_compute_budget 200.0",
                    "detailed_logging false",
                ],
            ),
            (
                Profile::Research,
                &[
                    "optimization_mode \"exploration\"",
                    "budget_allocation_strategy \"adaptive\"",
                    "max_optimization_rounds 500",
                    "total_compute_budget 500.0",
                    "export_metrics true",
                    "checkpoint_enabled true",
                    "checkpoint_interval 50",
                    "topology.mutation_rate 0.4",
                    "topology.crossover_rate 0.6",
                ],
            ),
            (
                Profile::Conservative,
                &[
                    "optimization_mode \"conservative\"",
                    "budget_allocation_strategy \"fixed\"",
                    "max_optimization_rounds 30",
                    "max_parallel_components 2",
                    "total_compute_budget 30.0",
                    "detailed_logging false",
                ],
            ),
            (
                Profile::Aggressive,
                &[
                    "optimization_mode \"aggressive\"",
                    "budget_allocation_strategy \"adaptive\"",
                    "max_optimization_rounds 1000",
                    "max_parallel_components 8",
                    "total_compute_budget 1000.0",
                    "auto_tuning_enabled true",
                    "topology.elitism_rate 0.05",
                    "topology.mutation_rate 0.5",
                    "topology.crossover_rate 0.8",
                ],
            ),
            (
                Profile::Minimal,
                &[
                    "budget_allocation_strategy \"fixed\"",
                    "max_optimization_rounds 10",
                    "max_parallel_components 1",
                    "total_compute_budget 10.0",
                    "detailed_logging false",
                    "performance_tracking false",
                    "component_metrics false",
                ],
            ),
        ];
        for (profile, expected) in documented {
            let mut found = differences(profile);
            assert_eq!(found.remove(0), "enabled true");
            assert_eq!(found, expected, "{}", profile.name());
        }
    }

    #[test]
    fn names_are_the_written_form() {
        assert_eq!(ConfigProfiles::names(), PROFILES);
        for profile in Profile::ALL {
            assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
        }
        let fault = ConfigProfiles::get_profile("zzz").unwrap_err().to_string();
        assert_eq!(
            fault,
            "config: profile = zzz is unknown. Allowed development, production, research, conservative, aggressive, \
             minimal, or none."
        );
    }
}
