use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;

/// One point of a [`super::SearchSpace`]: the values of the active parameters, by name, in the order of the space.
///
/// The written form is an object from name to value. Parameters whose condition does not hold are absent.
///
/// ```
/// use bayes_hyperopt::{Configuration, Value};
/// let point: Configuration = [("lr", Value::from(0.1)), ("optimizer", Value::from("sgd"))].into_iter().collect();
/// assert_eq!(point.number("lr"), Some(0.1));
/// assert_eq!(point.get("momentum"), None);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Configuration(Vec<(String, Value)>);

impl Configuration {
    /// The value of `name`; `None` while it is inactive.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The value of `name` as a number; `None` while it is inactive or no number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_f64)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v))
    }

    /// Number of active parameters.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no parameter is active.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, name: &str, value: Value) {
        self.0.push((name.to_owned(), value));
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl Serialize for Configuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Configuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Configuration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from parameter name to value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Configuration, A::Error> {
                let mut out = Configuration::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if out.get(&name).is_some() {
                        return Err(A::Error::custom(format!("parameter '{name}' is given twice")));
                    }
                    out.0.push((name, value));
                }
                Ok(out)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
