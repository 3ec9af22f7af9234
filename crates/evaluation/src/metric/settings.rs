use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::Smoothing;

/// No settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bare {}

/// How far two equal numbers may differ: by the greater of the two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberSpec {
    /// As a difference, 0 or more; 1e-6 by default.
    #[serde(skip_serializing_if = "NumberSpec::is_usual")]
    pub absolute: f64,
    /// As a share of the expected number, 0 or more; 0 by default.
    #[serde(skip_serializing_if = "is_default")]
    pub relative: f64,
}

impl Default for NumberSpec {
    fn default() -> Self {
        Self { absolute: 1e-6, relative: 0.0 }
    }
}

impl NumberSpec {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_usual(absolute: &f64) -> bool {
        absolute.to_bits() == Self::default().absolute.to_bits()
    }

    pub(super) fn fault(self) -> Option<String> {
        [("absolute", self.absolute), ("relative", self.relative)]
            .into_iter()
            .find_map(|(name, value)| wrong(value.is_finite() && value >= 0.0, name, value, "0 or more"))
    }
}

/// Settings of ROUGE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RougeSpec {
    /// Whether words are stemmed.
    #[serde(skip_serializing_if = "is_default")]
    pub stem: bool,
}

/// Settings of BLEU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BleuSpec {
    /// What is done with orders without a match: `none`, `{floor: 0.1}`, `{add_k: 1}` or `exp`, the default.
    #[serde(skip_serializing_if = "is_default")]
    pub smoothing: Smoothing,
    /// Whether case is ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub lowercase: bool,
}

impl BleuSpec {
    pub(super) fn fault(self) -> Option<String> {
        match self.smoothing {
            Smoothing::Floor(x) => wrong(x > 0.0 && x <= 1.0, "smoothing.floor", x, "above 0, up to 1"),
            Smoothing::AddK(x) => wrong(x > 0.0 && x <= 1e3, "smoothing.add_k", x, "above 0, up to 1000"),
            Smoothing::None | Smoothing::Exp => None,
        }
    }
}

/// Settings of chrF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChrfSpec {
    /// Longest runs of words, 0 to 4; 0 by default, 2 for chrF++.
    #[serde(skip_serializing_if = "is_default")]
    pub word_order: usize,
    /// Whether case is ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub lowercase: bool,
}

impl ChrfSpec {
    pub(super) fn fault(self) -> Option<String> {
        wrong(self.word_order <= 4, "word_order", self.word_order, "0 to 4")
    }
}

/// Settings of the search for expected texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContainsSpec {
    /// Whether case is ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_case: bool,
    /// Whether one of several texts is enough; otherwise the score is the share that is found.
    #[serde(skip_serializing_if = "is_default")]
    pub any: bool,
}

/// Settings of regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegexSpec {
    /// The pattern for all examples; that of each example's expected value by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Whether the whole reply, without white space around it, must match; finding the pattern is enough by default.
    #[serde(skip_serializing_if = "is_default")]
    pub whole: bool,
    /// Whether case is ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_case: bool,
}

/// Settings of JSON schemas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaSpec {
    /// The schema for all examples; that of each example's expected value by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

/// Settings of semantic similarity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimilaritySpec {
    /// The name of the model that embeds.
    pub model: String,
}

/// Whether a value is the one that stands for nothing given.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What to say of a setting that is not as it should be.
pub(crate) fn wrong(holds: bool, name: &str, value: impl std::fmt::Display, allowed: &str) -> Option<String> {
    (!holds).then(|| format!("{name} = {value} is not allowed. Allowed: {allowed}"))
}
