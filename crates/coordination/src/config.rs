use std::fmt::Display;

use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How resources are shared among components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllocationStrategy {
    /// By what each component's updates have brought.
    #[default]
    Adaptive,
    /// By the shares of the mode of optimisation, which bind.
    Fixed,
    /// By priority.
    Priority,
}

/// Settings of coordination, as users write them.
///
/// ```
/// use coordination::CoordinationConfig;
/// let config = CoordinationConfig { retry_attempts: 0, ..CoordinationConfig::default() };
/// let fault = config.validate().unwrap_err().to_string();
/// assert_eq!(fault, "coordination: retry_attempts = 0 is outside its range; allowed: 1 to 10");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches with the names users know")]
pub struct CoordinationConfig {
    /// Whether conflicts among updates are resolved; default true.
    pub conflict_resolution_enabled: bool,
    /// Whether independent updates run at once; default true.
    pub async_execution: bool,
    /// How resources are shared; default `adaptive`.
    pub resource_allocation_strategy: AllocationStrategy,
    /// Whether urgent updates go first; default true.
    pub priority_scheduling: bool,
    /// Whether work is cut down when resources are short; default true.
    pub complexity_management: bool,
    /// Whether what was learnt is regularised; default true.
    pub regularization_enabled: bool,
    /// Rounds of coordination in a run; 10 to 1000, default 100.
    pub max_coordination_cycles: u32,
    /// Seconds an update may take; 1 to 300, default 30.
    pub timeout_seconds: f64,
    /// Attempts at an update; 1 to 10, default 3.
    pub retry_attempts: u32,
    /// Whether circles of waiting are looked for; default true.
    pub deadlock_detection: bool,
}

impl Default for CoordinationConfig {
    fn default() -> Self {
        Self {
            conflict_resolution_enabled: true,
            async_execution: true,
            resource_allocation_strategy: AllocationStrategy::default(),
            priority_scheduling: true,
            complexity_management: true,
            regularization_enabled: true,
            max_coordination_cycles: 100,
            timeout_seconds: 30.0,
            retry_attempts: 3,
            deadlock_detection: true,
        }
    }
}

impl CoordinationConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the path of the first field outside its range, its value and the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("max_coordination_cycles", self.max_coordination_cycles, 10, 1000)?;
        within("timeout_seconds", self.timeout_seconds, 1.0, 300.0)?;
        within("retry_attempts", self.retry_attempts, 1, 10)
    }
}

/// What is wrong with a [`CoordinationConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field is outside its range.
    #[error("coordination: {field} = {value} is outside its range; allowed: {allowed}")]
    Range {
        /// The path of the field, as written in the configuration.
        field: String,
        /// The value found.
        value: String,
        /// The range, in words.
        allowed: String,
    },
}

impl Classify for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

/// `low` to `high`, both allowed. NaN is outside of every range.
fn within<T: Copy + PartialOrd + Display>(field: &str, value: T, low: T, high: T) -> Result<(), ConfigError> {
    if low <= value && value <= high {
        return Ok(());
    }
    let allowed = format!("{low} to {high}");
    Err(ConfigError::Range { field: field.into(), value: value.to_string(), allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults with fields replaced by those of `json`; the fault, or nothing.
    fn fault(json: &str) -> String {
        let config: CoordinationConfig = serde_json::from_str(json).unwrap();
        config.validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let expected = r#"{"conflict_resolution_enabled":true,"async_execution":true,"#.to_string()
            + r#""resource_allocation_strategy":"adaptive","priority_scheduling":true,"#
            + r#""complexity_management":true,"regularization_enabled":true,"max_coordination_cycles":100,"#
            + r#""timeout_seconds":30.0,"retry_attempts":3,"deadlock_detection":true}"#;
        assert_eq!(serde_json::to_string(&CoordinationConfig::default()).unwrap(), expected);
        assert_eq!(serde_json::from_str::<CoordinationConfig>("{}").unwrap(), CoordinationConfig::default());
        assert_eq!(fault("{}"), "");
    }

    #[test]
    fn every_edge_of_every_range() {
        let ranges = [
            ("max_coordination_cycles", ["10", "1000"], ["9", "1001"], "10 to 1000"),
            ("timeout_seconds", ["1", "300"], ["0.5", "300.5"], "1 to 300"),
            ("retry_attempts", ["1", "10"], ["0", "11"], "1 to 10"),
        ];
        for (field, legal, illegal, range) in ranges {
            for value in legal {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "", "{field} {value}");
            }
            for value in illegal {
                let expected =
                    format!("coordination: {field} = {value} is outside its range; allowed: {range}");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
    }

    #[test]
    fn nan_and_unknown_names_are_errors() {
        let config = CoordinationConfig { timeout_seconds: f64::NAN, ..CoordinationConfig::default() };
        assert!(config.validate().is_err());
        for json in [r#"{"retries":3}"#, r#"{"resource_allocation_strategy":"greedy"}"#] {
            assert!(serde_json::from_str::<CoordinationConfig>(json).is_err(), "{json}");
        }
        for name in ["adaptive", "fixed", "priority"] {
            assert_eq!(fault(&format!(r#"{{"resource_allocation_strategy":"{name}"}}"#)), "");
        }
    }
}
