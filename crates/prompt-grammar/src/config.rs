use serde::{Deserialize, Serialize};

use crate::PromptError;

/// How deeply the parts of a prompt are analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnalysisDepth {
    /// Single parts.
    Basic,
    /// Parts and what they do together.
    #[default]
    Deep,
}

/// Settings of prompt evolution, as users write them.
///
/// ```
/// use prompt_grammar::PromptConfig;
/// let config = PromptConfig { max_prompt_length: 50, ..PromptConfig::default() };
/// let fault = config.validate().unwrap_err().to_string();
/// assert_eq!(fault, "prompt: max_prompt_length = 50 is outside its range; allowed: 100 to 10000");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches with the names users know")]
pub struct PromptConfig {
    /// Whether the structure of prompts evolves.
    pub grammar_evolution_enabled: bool,
    /// Whether patterns that tell good prompts from bad are looked for.
    pub semantic_pattern_discovery: bool,
    /// Whether prompts are composed of parts.
    pub compositional_generation: bool,
    /// How deeply parts are analysed.
    pub component_analysis_depth: AnalysisDepth,
    /// Whether features of the wording are extracted.
    pub linguistic_feature_extraction: bool,
    /// How discriminative a pattern must be; 0.3 to 0.9.
    pub discriminative_pattern_threshold: f64,
    /// Characters a prompt may have; 100 to 10,000.
    pub max_prompt_length: usize,
    /// How often a part must occur to be analysed; 1 to 10.
    pub min_component_frequency: usize,
    /// Patterns kept; 100 to 10,000.
    pub pattern_cache_size: usize,
    /// How adventurous evolution is; 0.1 to 2.
    pub evolution_temperature: f64,
}

impl Default for PromptConfig {
    fn default() -> Self {
        Self {
            grammar_evolution_enabled: true,
            semantic_pattern_discovery: true,
            compositional_generation: true,
            component_analysis_depth: AnalysisDepth::default(),
            linguistic_feature_extraction: true,
            discriminative_pattern_threshold: 0.6,
            max_prompt_length: 2000,
            min_component_frequency: 2,
            pattern_cache_size: 1000,
            evolution_temperature: 0.7,
        }
    }
}

impl PromptConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`PromptError::Range`] with the first field outside its range, its value and the range; NaN is outside of
    /// every range.
    pub fn validate(&self) -> Result<(), PromptError> {
        let real = |field: &str, value: f64, low: f64, high: f64| {
            let sound = (low..=high).contains(&value);
            if sound { Ok(()) } else { Err(PromptError::range(field, value, &format!("{low} to {high}"))) }
        };
        let count = |field: &str, value: usize, low: usize, high: usize| {
            let sound = (low..=high).contains(&value);
            if sound { Ok(()) } else { Err(PromptError::range(field, value, &format!("{low} to {high}"))) }
        };
        real("discriminative_pattern_threshold", self.discriminative_pattern_threshold, 0.3, 0.9)?;
        count("max_prompt_length", self.max_prompt_length, 100, 10_000)?;
        count("min_component_frequency", self.min_component_frequency, 1, 10)?;
        count("pattern_cache_size", self.pattern_cache_size, 100, 10_000)?;
        real("evolution_temperature", self.evolution_temperature, 0.1, 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl Fn(&mut PromptConfig), fault: &str) {
        let mut config = PromptConfig::default();
        change(&mut config);
        let found = config.validate().map_or_else(|e| e.to_string(), |()| String::new());
        assert_eq!(found, fault);
    }

    #[test]
    fn ranges_are_inclusive_and_named() {
        check(|_| {}, "");
        check(|c| c.discriminative_pattern_threshold = 0.3, "");
        check(|c| c.max_prompt_length = 10_000, "");
        check(|c| c.evolution_temperature = 2.0, "");
        let outside = |field: &str, value: &str, range: &str| {
            format!("prompt: {field} = {value} is outside its range; allowed: {range}")
        };
        check(
            |c| c.discriminative_pattern_threshold = 0.95,
            &outside("discriminative_pattern_threshold", "0.95", "0.3 to 0.9"),
        );
        check(|c| c.min_component_frequency = 0, &outside("min_component_frequency", "0", "1 to 10"));
        check(|c| c.pattern_cache_size = 99, &outside("pattern_cache_size", "99", "100 to 10000"));
        check(|c| c.evolution_temperature = f64::NAN, &outside("evolution_temperature", "NaN", "0.1 to 2"));
    }

    #[test]
    fn missing_fields_are_defaults_and_unknown_ones_errors() {
        let config: PromptConfig = serde_json::from_str(r#"{"component_analysis_depth":"basic"}"#).unwrap();
        assert_eq!(config.component_analysis_depth, AnalysisDepth::Basic);
        assert_eq!(config.max_prompt_length, 2000);
        assert!(serde_json::from_str::<PromptConfig>(r#"{"max_prompt_lenght":1}"#).is_err());
    }
}
