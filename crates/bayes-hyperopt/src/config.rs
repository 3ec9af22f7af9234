use serde::{Deserialize, Serialize};

use crate::range::{inside_unit, within};
use crate::{Acquisition, ConfigError, KernelKind};

/// Settings of hyperparameter search, as users write them.
///
/// ```
/// use bayes_hyperopt::HyperOptConfig;
/// let config = HyperOptConfig { n_initial_points: 2, ..HyperOptConfig::default() };
/// let fault = config.validate().unwrap_err().to_string();
/// assert_eq!(fault, "hyperopt: n_initial_points = 2 is outside its range; allowed: 3 to 20");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches with the names users know")]
pub struct HyperOptConfig {
    /// How points are ranked; default `expected_improvement`.
    pub acquisition_function: Acquisition,
    /// Points drawn before the model decides; 3 to 20, default 5.
    pub n_initial_points: usize,
    /// Points made at once, before any of them is told; 1 to 10, default 1.
    pub n_suggestions: usize,
    /// Whether earlier searches help, where [`crate::HyperOptimizer`] is given some; default true.
    pub transfer_learning_enabled: bool,
    /// Whether cheap evaluations help, where [`crate::HyperOptimizer`] is given some; default true.
    pub multi_fidelity_enabled: bool,
    /// Earlier searches that may help; 5 to 50, default 10.
    pub max_similar_contexts: usize,
    /// How alike an earlier search must be to help; 0.5 to 0.95, default 0.7.
    pub similarity_threshold: f64,
    /// The kernel the model starts from; others compete with it, but with `linear`; default `matern52`.
    pub gp_kernel: KernelKind,
    /// Weight of the unknown against the promising; 0 to 1, default 0.1.
    pub exploration_weight: f64,
    /// Variance of the noise from which the model's own is sought, as a share of that of the losses; taken as it is where
    /// hyperparameters are not fitted; above 0, below 1, default 1e-6.
    pub noise_level: f64,
    /// Whether inputs are brought to one scale; else lengthscales are believed in the units of the parameters; default
    /// true.
    pub normalize_inputs: bool,
    /// Whether the model's own parameters are fitted and kinds of model compete; default true.
    pub optimize_hyperparameters: bool,
}

impl Default for HyperOptConfig {
    fn default() -> Self {
        Self {
            acquisition_function: Acquisition::default(),
            n_initial_points: 5,
            n_suggestions: 1,
            transfer_learning_enabled: true,
            multi_fidelity_enabled: true,
            max_similar_contexts: 10,
            similarity_threshold: 0.7,
            gp_kernel: KernelKind::default(),
            exploration_weight: 0.1,
            noise_level: 1e-6,
            normalize_inputs: true,
            optimize_hyperparameters: true,
        }
    }
}

impl HyperOptConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the path of the first field outside its range, its value and the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("n_initial_points", self.n_initial_points, 3, 20)?;
        within("n_suggestions", self.n_suggestions, 1, 10)?;
        within("max_similar_contexts", self.max_similar_contexts, 5, 50)?;
        within("similarity_threshold", self.similarity_threshold, 0.5, 0.95)?;
        within("exploration_weight", self.exploration_weight, 0.0, 1.0)?;
        inside_unit("noise_level", self.noise_level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults with fields replaced by those of `json`; the fault, or nothing.
    fn fault(json: &str) -> String {
        let config: HyperOptConfig = serde_json::from_str(json).unwrap();
        config.validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let expected = r#"{"acquisition_function":"expected_improvement","n_initial_points":5,"#.to_string()
            + r#""n_suggestions":1,"transfer_learning_enabled":true,"multi_fidelity_enabled":true,"#
            + r#""max_similar_contexts":10,"similarity_threshold":0.7,"gp_kernel":"matern52","#
            + r#""exploration_weight":0.1,"noise_level":1e-6,"normalize_inputs":true,"#
            + r#""optimize_hyperparameters":true}"#;
        let found: serde_json::Value = serde_json::to_value(HyperOptConfig::default()).unwrap();
        assert_eq!(found, serde_json::from_str::<serde_json::Value>(&expected).unwrap());
        assert_eq!(serde_json::from_str::<HyperOptConfig>("{}").unwrap(), HyperOptConfig::default());
        assert_eq!(fault("{}"), "");
    }

    #[test]
    fn every_edge_of_every_range() {
        let ranges = [
            ("n_initial_points", ["3", "20"], ["2", "21"], "3 to 20"),
            ("n_suggestions", ["1", "10"], ["0", "11"], "1 to 10"),
            ("max_similar_contexts", ["5", "50"], ["4", "51"], "5 to 50"),
            ("similarity_threshold", ["0.5", "0.95"], ["0.49", "0.96"], "0.5 to 0.95"),
            ("exploration_weight", ["0", "1"], ["-0.1", "1.1"], "0 to 1"),
            ("noise_level", ["0.0000001", "0.999"], ["0", "1"], "above 0, below 1"),
        ];
        for (field, legal, illegal, range) in ranges {
            for value in legal {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "", "{field} {value}");
            }
            for value in illegal {
                let expected = format!("hyperopt: {field} = {value} is outside its range; allowed: {range}");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
    }

    #[test]
    fn names_of_choices_are_fixed() {
        let acquisitions = r#"["expected_improvement","probability_improvement","upper_confidence_bound","#
            .to_string()
            + r#""noisy_expected_improvement","thompson_sampling"]"#;
        assert_eq!(serde_json::to_string(&Acquisition::ALL).unwrap(), acquisitions);
        assert_eq!(
            serde_json::to_string(&KernelKind::ALL).unwrap(),
            r#"["matern52","matern32","rbf","linear"]"#
        );
    }

    #[test]
    fn nan_and_unknown_names_are_errors() {
        let config = HyperOptConfig { noise_level: f64::NAN, ..HyperOptConfig::default() };
        assert!(config.validate().is_err());
        for json in [r#"{"kernel":"rbf"}"#, r#"{"gp_kernel":"matern12"}"#, r#"{"acquisition_function":"ei"}"#]
        {
            assert!(serde_json::from_str::<HyperOptConfig>(json).is_err(), "{json}");
        }
    }
}
