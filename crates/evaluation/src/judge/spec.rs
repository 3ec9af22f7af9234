use serde::{Deserialize, Serialize};

use crate::metric::{is_default, wrong};

/// What a judge may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scale {
    /// A whole number from 1 to 5, which becomes 0 to 1 in steps of a quarter.
    #[default]
    OneToFive,
    /// Yes (1) or no (0).
    Binary,
    /// Whether the reply is better than the expected one (1), worse (0) or neither (0.5), asked in both orders.
    Pairwise,
}

/// Settings of a judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeSpec {
    /// The name of the model that judges.
    pub model: String,
    /// What makes a reply good, in plain words.
    pub rubric: String,
    /// What it may answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scale: Scale,
    /// Whether the judge is shown the expected value; it always is for `pairwise`.
    #[serde(default = "JudgeSpec::shows_usually")]
    pub show_expected: bool,
    /// Most tokens of its answer, 16 to 4096; 256 by default.
    #[serde(default = "JudgeSpec::usual_tokens")]
    pub max_tokens: u32,
}

impl JudgeSpec {
    /// The default settings for `model` and `rubric`.
    pub fn new(model: impl Into<String>, rubric: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            rubric: rubric.into(),
            scale: Scale::default(),
            show_expected: true,
            max_tokens: Self::usual_tokens(),
        }
    }

    fn usual_tokens() -> u32 {
        256
    }

    fn shows_usually() -> bool {
        true
    }

    pub(crate) fn fault(&self) -> Option<String> {
        let tokens =
            wrong((16..=4096).contains(&self.max_tokens), "max_tokens", self.max_tokens, "16 to 4096");
        let length = self.rubric.chars().count();
        let rubric = (self.rubric.trim().is_empty() || length > 20_000)
            .then(|| format!("rubric has {length} characters. Allowed: 1 to 20000, not all blank"));
        tokens.or(rubric)
    }
}
