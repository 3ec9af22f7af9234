use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Example, canonical};
use crate::EvaluationError;

/// A place in a row: `expected`, `input`, or a field such as `meta.user`.
///
/// ```
/// use evaluation::{Example, Key};
/// let row = Example::new("q", "a").with_meta(serde_json::json!({"user": {"id": 7}}));
/// let key: Key = "meta.user.id".parse()?;
/// assert_eq!(key.of(&row).unwrap(), 7);
/// assert!("user".parse::<Key>().is_err());
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// The expected answer.
    pub fn expected() -> Self {
        Self("expected".to_owned())
    }

    /// What stands there in `row`; `None` when there is nothing, or null.
    pub fn of<'r>(&self, row: &'r Example) -> Option<&'r Value> {
        let mut names = self.0.split('.');
        let mut value = match names.next() {
            Some("input") => &row.input,
            Some("meta") => &row.meta,
            _ => &row.expected,
        };
        for name in names {
            value = value.get(name)?;
        }
        Some(value).filter(|v| !v.is_null())
    }

    /// The same as text; different values have different texts.
    pub(super) fn text(&self, row: &Example) -> Option<String> {
        self.of(row).map(canonical::json)
    }
}

impl FromStr for Key {
    type Err = EvaluationError;

    fn from_str(text: &str) -> Result<Self, EvaluationError> {
        let mut names = text.split('.');
        if matches!(names.next(), Some("input" | "expected" | "meta")) && names.all(|name| !name.is_empty()) {
            return Ok(Self(text.to_owned()));
        }
        let text = crate::error::one_line(text, 80);
        let message = format!(
            "'{text}' is no place in a row. Allowed: input, expected, meta, each with fields after dots, such as meta.user"
        );
        Err(EvaluationError::Split { message })
    }
}

impl TryFrom<String> for Key {
    type Error = EvaluationError;

    fn try_from(text: String) -> Result<Self, EvaluationError> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
