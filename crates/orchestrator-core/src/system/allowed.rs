//! What a searched key may be set to.

use meta_traits::Stream;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a searched key may be set to: a list of values, or numbers `{from, to}`.
///
/// ```
/// use orchestrator_core::system::{Allowed, SystemSpec};
/// let spec = SystemSpec::from_yaml("
/// modules: {answer: {kind: llm, model: task, prompt: '{{ input }}', temperature: 0.7}}
/// search: {answer.temperature: {from: 0, to: 1.5}, answer.format: [text, chat]}").unwrap();
/// assert!(matches!(&spec.search["answer.temperature"], Allowed::Range(range) if range.to == 1.5));
/// assert!(spec.validate(&["task"]).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Allowed {
    /// These values.
    Values(Vec<Value>),
    /// Every number within a range.
    Range(NumberRange),
}

/// Numbers from `from` to `to`, both included; whole ones for keys that count something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRange {
    /// The smallest.
    pub from: f64,
    /// The largest.
    pub to: f64,
    /// Whether ratios count and not differences; needs `from` above 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(values) => Ok(Self::Values(values)),
            range @ Value::Object(_) => {
                serde_json::from_value(range).map(Self::Range).map_err(D::Error::custom)
            }
            other => Err(D::Error::custom(format!(
                "{other} is neither a list of values nor a range such as {{from: 0, to: 1.5}}"
            ))),
        }
    }
}

impl NumberRange {
    /// What is wrong with it, for whole numbers or for any.
    pub(super) fn fault(&self, whole: bool) -> Option<&'static str> {
        let NumberRange { from, to, log } = *self;
        if !from.is_finite() || !to.is_finite() || from >= to {
            return Some("is no range; from must be below to");
        }
        if log && from <= 0.0 {
            return Some("cannot be searched by ratios; with log, from must be above 0");
        }
        (whole && (from.fract() != 0.0 || to.fract() != 0.0)).then_some("must begin and end at whole numbers")
    }

    /// Whether it holds a number.
    pub fn contains(&self, x: f64) -> bool {
        (self.from..=self.to).contains(&x)
    }

    /// A number of the range, uniform, or uniform in its logarithm.
    pub(super) fn draw(&self, whole: bool, rng: &mut Stream) -> f64 {
        if whole && !self.log {
            return self.from + rng.below((self.to - self.from) as usize + 1) as f64;
        }
        let x = if self.log {
            let (low, high) = (self.from.ln(), self.to.ln());
            (low + (high - low) * rng.unit()).exp()
        } else {
            self.from + (self.to - self.from) * rng.unit()
        };
        if whole { x.round().clamp(self.from, self.to) } else { x }
    }

    /// A number of the range as candidates write it: whole, or to four digits.
    pub(crate) fn write(&self, whole: bool, x: f64) -> String {
        if whole {
            return format!("{}", x.round().clamp(self.from, self.to));
        }
        let digits = if x == 0.0 { 0.0 } else { 3.0 - x.abs().log10().floor() };
        let unit = 10_f64.powf(digits);
        let near = (x * unit).round() / unit;
        format!("{}", near.clamp(self.from, self.to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_list_and_no_range_is_refused() {
        let read = |text: &str| serde_json::from_str::<Allowed>(text).map_err(|e| e.to_string());
        assert!(matches!(read("[1, 2]"), Ok(Allowed::Values(_))));
        assert!(read("3").unwrap_err().contains("neither a list of values nor a range"));
        assert!(read(r#"{"from": 0, "too": 1}"#).unwrap_err().contains("too"));
        let range = |from, to, log| NumberRange { from, to, log };
        assert!(range(1.0, 1.0, false).fault(false).unwrap().contains("below"));
        assert!(range(0.0, 1.0, true).fault(false).unwrap().contains("above 0"));
        assert!(range(0.5, 2.0, false).fault(true).unwrap().contains("whole"));
        assert_eq!(range(0.0, 2.0, false).fault(true), None);
    }

    proptest! {
        #[test]
        fn what_is_drawn_and_written_is_inside(
            from in -50_i32..50, length in 1_i32..100, log: bool, whole: bool, seed: u64
        ) {
            let from = f64::from(if log { from.abs() + 1 } else { from });
            let range = NumberRange { from, to: from + f64::from(length), log };
            let text = range.write(whole, range.draw(whole, &mut Stream::root(seed)));
            let x: f64 = text.parse().unwrap();
            prop_assert!(range.contains(x), "{} is not in {:?}", text, range);
            prop_assert!(!whole || x.fract() == 0.0);
            prop_assert!(text.len() <= 8, "{}", text);
        }
    }
}
