use serde::{Deserialize, Serialize};

use crate::{AnalysisDepth, PromptConfig, PromptError};

/// How p-values of many hypotheses are corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Correction {
    /// The chance of any false finding, by the greatest statistic under permutation (Westfall & Young 1993).
    #[default]
    WestfallYoung,
    /// The same by Bonferroni over the hypotheses that can be significant at all (Tarone 1990).
    Tarone,
    /// The expected share of false findings (Benjamini & Hochberg 1995).
    BenjaminiHochberg,
    /// The same under any dependence (Benjamini & Yekutieli 2001).
    BenjaminiYekutieli,
}

/// Settings of [`find`](super::find).
///
/// ```
/// use prompt_grammar::PromptConfig;
/// use prompt_grammar::pattern::PatternOptions;
/// let config = PromptConfig { discriminative_pattern_threshold: 0.7, ..PromptConfig::default() };
/// let options = PatternOptions::of(&config);
/// assert!((options.least_effect - 0.4).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatternOptions {
    /// Prompts with a pattern, and prompts without, that there must be; at least 2.
    pub least_support: usize,
    /// Least absolute Cliff's delta of a finding; 0 to 1.
    pub least_effect: f64,
    /// Items of a pattern at most; 1 to 3.
    pub largest: usize,
    /// Hypotheses at most; above that those whose support is nearest one half are tested. At least 1.
    pub hypotheses: usize,
    /// Findings at most; at least 1.
    pub most: usize,
    /// Corrected p-value of a finding at most; above 0, below 1.
    pub level: f64,
    /// The correction.
    pub correction: Correction,
    /// Permutations; at least 19, and 1 / `level` at least.
    pub permutations: u64,
}

impl Default for PatternOptions {
    fn default() -> Self {
        Self {
            least_support: 8,
            least_effect: 0.15,
            largest: 3,
            hypotheses: 5000,
            most: 100,
            level: 0.05,
            correction: Correction::default(),
            permutations: 999,
        }
    }
}

impl PatternOptions {
    /// The settings that a user's configuration asks for.
    ///
    /// `discriminative_pattern_threshold` is the chance that a prompt with the pattern beats one without (ties count
    /// half), (1 + delta) / 2; below 0.5 every effect is enough. `pattern_cache_size` bounds the findings,
    /// `min_component_frequency` the support where it is above the default, and basic analysis looks at single items.
    pub fn of(config: &PromptConfig) -> Self {
        let default = Self::default();
        Self {
            least_support: default.least_support.max(config.min_component_frequency),
            least_effect: (2.0 * config.discriminative_pattern_threshold - 1.0).max(0.0),
            largest: if config.component_analysis_depth == AnalysisDepth::Basic {
                1
            } else {
                default.largest
            },
            most: config.pattern_cache_size,
            ..default
        }
    }

    pub(super) fn check(&self) -> Result<(), PromptError> {
        let counts = [
            ("least_support", self.least_support, 2, usize::MAX),
            ("largest", self.largest, 1, 3),
            ("hypotheses", self.hypotheses, 1, usize::MAX),
            ("most", self.most, 1, usize::MAX),
            ("permutations", usize::try_from(self.permutations).unwrap_or(usize::MAX), 19, usize::MAX),
        ];
        if let Some((field, value, low, high)) = counts.into_iter().find(|(_, v, l, h)| !(l..=h).contains(&v))
        {
            let allowed =
                if high == usize::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
            return Err(PromptError::range(field, value, &allowed));
        }
        if !(0.0..=1.0).contains(&self.least_effect) {
            return Err(PromptError::range("least_effect", self.least_effect, "0 to 1"));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(PromptError::range("level", self.level, "above 0 and below 1"));
        }
        if (self.permutations + 1) as f64 * self.level < 1.0 {
            let allowed = format!("at least {:.0}, 1 / level", 1.0 / self.level);
            return Err(PromptError::range("permutations", self.permutations, &allowed));
        }
        Ok(())
    }
}
