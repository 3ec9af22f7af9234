use serde::{Deserialize, Serialize};

use super::Value;

/// The largest whole number up to which all are exact as floats.
const EXACT: i64 = 1 << 53;

/// The values a parameter may take, and how they lie on [0, 1].
///
/// Whole numbers and levels own equal bins of [0, 1] (on the log scale for `log_int`), choices too; their place is
/// the middle of the bin, so that the first and the last are as likely as any other. The written form is an object with
/// a field `type`.
///
/// ```
/// use bayes_hyperopt::{Domain, Value};
/// let units = Domain::LogInt { low: 1, high: 64 };
/// let place = units.place(&Value::Int(23)).unwrap();
/// assert_eq!(units.value(place), Value::Int(23));
/// assert_eq!(units.cardinality(), Some(64));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Domain {
    /// Real numbers, `low <= x <= high`.
    Float {
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Positive real numbers searched on a logarithmic scale.
    Log {
        /// Smallest value, above 0.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Whole numbers, both ends included.
    Int {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
    },
    /// Positive whole numbers searched on a logarithmic scale, both ends included.
    LogInt {
        /// Smallest value, at least 1.
        low: i64,
        /// Largest value.
        high: i64,
    },
    /// Levels in their order; neighbours are alike.
    Ordinal {
        /// The levels, lowest first.
        levels: Vec<Value>,
    },
    /// Choices without order.
    Categorical {
        /// The choices.
        choices: Vec<Value>,
    },
}

impl Domain {
    /// How many values there are; `None` for a continuum.
    pub fn cardinality(&self) -> Option<usize> {
        match self {
            Self::Float { .. } | Self::Log { .. } => None,
            Self::Int { low, high } | Self::LogInt { low, high } => Some((high - low + 1) as usize),
            Self::Ordinal { levels: values } | Self::Categorical { choices: values } => Some(values.len()),
        }
    }

    /// Whether the values have no order.
    pub fn is_categorical(&self) -> bool {
        matches!(self, Self::Categorical { .. })
    }

    /// Width of the range, of logarithms on the log scale; 1 for levels and choices.
    pub(crate) fn span(&self) -> f64 {
        match self {
            Self::Float { low, high } => high - low,
            Self::Log { low, high } => high.ln() - low.ln(),
            Self::Int { low, high } => (high - low + 1) as f64,
            Self::LogInt { low, high } => {
                let (from, to) = log_edges(*low, *high);
                to - from
            }
            Self::Ordinal { .. } | Self::Categorical { .. } => 1.0,
        }
    }

    /// The value at `unit`, clamped to [0, 1]; NaN counts as 0.
    pub fn value(&self, unit: f64) -> Value {
        let unit = if unit.is_nan() { 0.0 } else { unit.clamp(0.0, 1.0) };
        match self {
            Self::Float { low, high } => Value::Float((low * (1.0 - unit) + high * unit).clamp(*low, *high)),
            Self::Log { low, high } => {
                let log = low.ln() * (1.0 - unit) + high.ln() * unit;
                Value::Float(log.exp().clamp(*low, *high))
            }
            Self::Int { low, high } => {
                let step = (unit * (high - low + 1) as f64).floor() as i64;
                Value::Int((low + step).clamp(*low, *high))
            }
            Self::LogInt { low, high } => {
                let (from, to) = log_edges(*low, *high);
                let nearest = (from + unit * (to - from)).exp().round() as i64;
                Value::Int(nearest.clamp(*low, *high))
            }
            Self::Ordinal { levels: values } | Self::Categorical { choices: values } => {
                let index = (unit * values.len() as f64).floor() as usize;
                values[index.min(values.len() - 1)].clone()
            }
        }
    }

    /// The place of `value` on [0, 1], the middle of its bin; `None` when it is not in the domain.
    pub fn place(&self, value: &Value) -> Option<f64> {
        match self {
            Self::Float { low, high } => {
                let x = value.as_f64().filter(|x| low <= x && x <= high)?;
                let (half_width, offset) = (high / 2.0 - low / 2.0, x / 2.0 - low / 2.0);
                Some(if half_width > 0.0 { (offset / half_width).clamp(0.0, 1.0) } else { 0.5 })
            }
            Self::Log { low, high } => {
                let x = value.as_f64().filter(|x| low <= x && x <= high)?;
                let width = high.ln() - low.ln();
                Some(if width > 0.0 { ((x.ln() - low.ln()) / width).clamp(0.0, 1.0) } else { 0.5 })
            }
            Self::Int { low, high } => {
                let i = whole(value).filter(|i| low <= i && i <= high)?;
                Some(((i - low) as f64 + 0.5) / (high - low + 1) as f64)
            }
            Self::LogInt { low, high } => {
                let i = whole(value).filter(|i| low <= i && i <= high)?;
                let (from, to) = log_edges(*low, *high);
                Some(((i as f64).ln() - from) / (to - from))
            }
            Self::Ordinal { levels: values } | Self::Categorical { choices: values } => {
                let index = values.iter().position(|v| v == value)?;
                Some((index as f64 + 0.5) / values.len() as f64)
            }
        }
    }

    /// The place of the `index`-th value, from 0; `None` for a continuum or beyond the last.
    pub fn place_of_index(&self, index: usize) -> Option<f64> {
        if index >= self.cardinality()? {
            return None;
        }
        match self {
            Self::Int { low, .. } | Self::LogInt { low, .. } => {
                self.place(&Value::Int(low + i64::try_from(index).ok()?))
            }
            _ => Some((index as f64 + 0.5) / self.cardinality()? as f64),
        }
    }

    /// Which value, from 0, lies at `unit`; `None` for a continuum.
    pub fn index_at(&self, unit: f64) -> Option<usize> {
        let n = self.cardinality()?;
        match self {
            Self::LogInt { low, .. } => whole(&self.value(unit)).map(|i| (i - low) as usize),
            _ => Some(((unit.clamp(0.0, 1.0) * n as f64).floor() as usize).min(n - 1)),
        }
    }

    /// What is wrong with the domain, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        let ends = |low: f64, high: f64| {
            (!(low.is_finite() && high.is_finite() && low <= high))
                .then(|| format!("low = {low}, high = {high}; allowed: finite, low <= high"))
        };
        let values = |what: &str, values: &[Value]| {
            let repeated = values.iter().enumerate().find(|(i, v)| values[..*i].contains(v));
            if values.is_empty() || values.iter().any(Value::is_unsound) {
                Some(format!("{what} are empty or not finite; name at least one"))
            } else {
                repeated.map(|(_, v)| format!("{what} name '{v}' twice; name each once"))
            }
        };
        match self {
            Self::Float { low, high } => ends(*low, *high),
            Self::Log { low, high } => ends(*low, *high)
                .or_else(|| (*low <= 0.0).then(|| format!("low = {low}; allowed on a log scale: above 0"))),
            Self::Int { low, high } => whole_ends(*low, *high),
            Self::LogInt { low, high } => whole_ends(*low, *high)
                .or_else(|| (*low < 1).then(|| format!("low = {low}; allowed on a log scale: 1 and above"))),
            Self::Ordinal { levels } => values("levels", levels),
            Self::Categorical { choices } => values("choices", choices),
        }
    }
}

fn whole_ends(low: i64, high: i64) -> Option<String> {
    let held = -EXACT <= low && low <= high && high <= EXACT && high - low < EXACT;
    (!held).then(|| format!("low = {low}, high = {high}; allowed: low <= high, both within 2^53"))
}

fn log_edges(low: i64, high: i64) -> (f64, f64) {
    ((low as f64 - 0.5).ln(), (high as f64 + 0.5).ln())
}

/// Whole numbers, also where they are written with a fraction of 0.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) => Some(*i),
        Value::Float(x) if x.fract() == 0.0 && x.abs() <= EXACT as f64 => Some(*x as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_discrete_value_returns_from_its_place() {
        let domains = [
            Domain::Int { low: -3, high: 9 },
            Domain::LogInt { low: 1, high: 300 },
            Domain::Ordinal { levels: vec!["s".into(), "m".into(), "l".into()] },
            Domain::Categorical { choices: vec![true.into(), false.into(), 3_i64.into()] },
        ];
        for domain in domains {
            for index in 0..domain.cardinality().unwrap() {
                let place = domain.place_of_index(index).unwrap();
                assert_eq!(domain.index_at(place), Some(index), "{domain:?}");
                assert_eq!(domain.place(&domain.value(place)), Some(place), "{domain:?}");
            }
            assert_eq!(domain.place_of_index(domain.cardinality().unwrap()), None);
        }
    }

    #[test]
    fn ends_of_continua_are_reached_and_not_passed() {
        let log = Domain::Log { low: 1e-5, high: 1.0 };
        assert_eq!(log.value(1.0), Value::Float(1.0));
        assert_eq!(log.value(f64::NAN), Value::Float(1e-5));
        let wide = Domain::Float { low: -1e308, high: 1e308 };
        assert_eq!(wide.value(0.5), Value::Float(0.0));
        assert_eq!(wide.place(&Value::Float(1e308)), Some(1.0));
        assert_eq!(Domain::Float { low: 2.0, high: 2.0 }.place(&Value::Float(2.0)), Some(0.5));
    }

    #[test]
    fn bad_domains_are_named() {
        let bad = [
            Domain::Float { low: 1.0, high: 0.0 },
            Domain::Float { low: f64::NAN, high: 0.0 },
            Domain::Log { low: 0.0, high: 1.0 },
            Domain::LogInt { low: 0, high: 1 },
            Domain::Int { low: i64::MIN, high: i64::MAX },
            Domain::Ordinal { levels: vec![] },
            Domain::Categorical { choices: vec!["a".into(), "a".into()] },
        ];
        for domain in bad {
            assert!(domain.fault().is_some(), "{domain:?}");
        }
    }
}
