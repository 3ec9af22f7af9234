use serde_json::{Value, json};

use crate::config::nearest;

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// True or false.
    Switch,
    /// A whole number, both ends included.
    Count { low: u64, high: u64 },
    /// A whole number from `low` on, or nothing.
    AtLeast { low: u64 },
    /// A number, both ends included.
    Real { low: f64, high: f64 },
    /// A number between 0 and 1, both ends excluded.
    OpenUnit,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// One of these names, or nothing.
    Maybe(&'static [&'static str]),
    /// Some of these names, each once.
    Set(&'static [&'static str]),
    /// Widths of 1 to 5 layers, each 32 to 1024.
    Layers,
    /// The beginning of names of environment variables.
    Prefix,
    /// The path of a file, or nothing.
    Path,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is added to the field's path: nothing, or an index such as `[1]`.
    pub(super) index: String,
    /// The value as a person would write it.
    pub(super) value: String,
    /// Words such as `is above 1.0`.
    pub(super) words: String,
    /// The name that was probably meant.
    pub(super) near: Option<String>,
    /// What is allowed.
    pub(super) allowed: String,
}

const LAYERS: (u64, u64) = (1, 5);
const WIDTHS: Kind = Kind::Count { low: 32, high: 1024 };

impl Kind {
    /// Whether it takes numbers and always has one.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Count { .. } | Self::Real { .. } | Self::OpenUnit)
    }

    /// What is allowed, in words.
    pub(super) fn allowed(&self) -> String {
        match self {
            Self::Switch => "true or false".into(),
            Self::Count { low, high } => format!("{low} to {high}"),
            Self::AtLeast { low } => format!("{low} and more, or none"),
            Self::Real { low, high } => format!("{low:?} to {high:?}"),
            Self::OpenUnit => "above 0.0, below 1.0".into(),
            Self::Choice(names) => names.join(", "),
            Self::Maybe(names) => format!("{}, or none", names.join(", ")),
            Self::Set(names) => format!("at least one of {}, none twice", names.join(", ")),
            Self::Layers => format!("{} to {} numbers, each {}", LAYERS.0, LAYERS.1, WIDTHS.allowed()),
            Self::Prefix => "1 to 64 letters, digits and _, no digit first".into(),
            Self::Path => "the path of a file, or none".into(),
        }
    }

    /// Checks a value.
    pub(super) fn check(&self, value: &Value) -> Result<(), Fault> {
        match self {
            Self::Switch => self.expect(value, value.is_boolean(), "is neither true nor false"),
            Self::Count { low, high } => self.count(value, *low, *high),
            Self::AtLeast { .. } | Self::Path | Self::Maybe(_) if value.is_null() => Ok(()),
            Self::AtLeast { low } => self.count(value, *low, u64::MAX),
            Self::Real { low, high } => {
                let number = self.number(value)?;
                self.expect(value, number >= *low, &format!("is below {low:?}"))?;
                self.expect(value, number <= *high, &format!("is above {high:?}"))
            }
            Self::OpenUnit => {
                let number = self.number(value)?;
                self.expect(value, number > 0.0, "is not above 0.0")?;
                self.expect(value, number < 1.0, "is not below 1.0")
            }
            Self::Choice(names) | Self::Maybe(names) => self.name(value, names),
            Self::Set(names) => self.set(value, names),
            Self::Layers => self.layers(value),
            Self::Prefix => {
                let text = value.as_str().unwrap_or_default();
                let sound = (1..=64).contains(&text.len())
                    && !text.starts_with(|c: char| c.is_ascii_digit())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                self.expect(value, sound, "cannot begin the name of a variable")
            }
            Self::Path => self.expect(value, value.as_str().is_some_and(|p| !p.is_empty()), "is no path"),
        }
    }

    /// What a variable or an argument says, as far as it can be understood; [`Kind::check`] finds the rest.
    pub(super) fn read(&self, text: &str) -> Value {
        let (text, lower) = (text.trim(), text.trim().to_lowercase());
        match self {
            Self::AtLeast { .. } | Self::Path | Self::Maybe(_) if lower == "none" || lower == "null" => {
                Value::Null
            }
            Self::Switch => match lower.as_str() {
                "true" | "1" | "yes" | "on" => Value::Bool(true),
                "false" | "0" | "no" | "off" => Value::Bool(false),
                _ => text.into(),
            },
            Self::Count { .. } | Self::AtLeast { .. } => match (text.parse::<u64>(), text.parse::<i64>()) {
                (Ok(count), _) => count.into(),
                (_, Ok(negative)) => negative.into(),
                _ => text.into(),
            },
            Self::Real { .. } | Self::OpenUnit => match text.parse::<f64>() {
                // Whole numbers stay as they were written: a message shows them.
                Ok(number) if number.is_finite() => {
                    text.parse::<i64>().map_or_else(|_| number.into(), Value::from)
                }
                _ => text.into(),
            },
            Self::Choice(names) | Self::Maybe(names) if names.contains(&lower.as_str()) => lower.into(),
            Self::Set(_) | Self::Layers => {
                let element = if matches!(self, Self::Layers) { WIDTHS } else { Self::Choice(&[]) };
                let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
                let parts = inner.split(',').map(|part| part.trim().trim_matches(['"', '\'']));
                parts.filter(|_| !inner.trim().is_empty()).map(|part| element.read(part)).collect()
            }
            Self::Choice(_) | Self::Maybe(_) | Self::Prefix | Self::Path => text.into(),
        }
    }

    /// The part of a JSON schema that says the same.
    pub(super) fn schema(&self) -> Value {
        match self {
            Self::Switch => json!({"type": "boolean"}),
            Self::Count { low, high } => json!({"type": "integer", "minimum": low, "maximum": high}),
            Self::AtLeast { low } => json!({"type": ["integer", "null"], "minimum": low}),
            Self::Real { low, high } => json!({"type": "number", "minimum": low, "maximum": high}),
            Self::OpenUnit => json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
            Self::Choice(names) => json!({"enum": names}),
            Self::Maybe(names) => {
                json!({"enum": names.iter().map(|n| json!(n)).chain([Value::Null]).collect::<Value>()})
            }
            Self::Set(names) => {
                json!({"type": "array", "minItems": 1, "uniqueItems": true, "items": {"enum": names}})
            }
            Self::Layers => json!({
                "type": "array", "minItems": LAYERS.0, "maxItems": LAYERS.1, "items": WIDTHS.schema()
            }),
            Self::Prefix => json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"}),
            Self::Path => json!({"type": ["string", "null"], "minLength": 1}),
        }
    }

    fn expect(&self, value: &Value, sound: bool, words: &str) -> Result<(), Fault> {
        if sound {
            return Ok(());
        }
        let (value, words, allowed) = (shown(value), words.to_owned(), self.allowed());
        Err(Fault { index: String::new(), value, words, near: None, allowed })
    }

    fn count(&self, value: &Value, low: u64, high: u64) -> Result<(), Fault> {
        self.expect(value, value.is_u64() || value.is_i64(), "is no whole number")?;
        // What is no u64 here is negative.
        let count = value.as_u64().unwrap_or(0);
        self.expect(value, value.is_u64() && count >= low, &format!("is below {low}"))?;
        self.expect(value, count <= high, &format!("is above {high}"))
    }

    fn number(&self, value: &Value) -> Result<f64, Fault> {
        self.expect(value, value.is_number(), "is no number")?;
        Ok(value.as_f64().unwrap_or(f64::NAN))
    }

    fn name(&self, value: &Value, names: &[&str]) -> Result<(), Fault> {
        let given = value.as_str();
        let known = given.is_some_and(|given| names.contains(&given));
        let near = given.and_then(|given| nearest(given, names.iter().copied())).map(str::to_owned);
        self.expect(value, known, "is unknown").map_err(|fault| Fault { near, ..fault })
    }

    fn set(&self, value: &Value, names: &[&str]) -> Result<(), Fault> {
        let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
        self.expect(value, !elements.is_empty(), "names nothing")?;
        for (index, element) in elements.iter().enumerate() {
            let at = |fault| Fault { index: format!("[{index}]"), ..fault };
            self.name(element, names).map_err(at)?;
            self.expect(element, !elements[..index].contains(element), "is named twice").map_err(at)?;
        }
        Ok(())
    }

    fn layers(&self, value: &Value) -> Result<(), Fault> {
        let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let sound = (LAYERS.0..=LAYERS.1).contains(&(elements.len() as u64));
        self.expect(value, sound, "is no list of 1 to 5 numbers")?;
        for (index, element) in elements.iter().enumerate() {
            WIDTHS.check(element).map_err(|fault| Fault { index: format!("[{index}]"), ..fault })?;
        }
        Ok(())
    }
}

/// A value as a person would write it: names without quotes.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Null => "none".into(),
        Value::Array(elements) => format!("[{}]", elements.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
