use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The texts a system is made of: an ordered map from component name to text.
///
/// This is the candidate of every text optimizer: prompts, and also structure or numbers written as text.
/// Order is the order of insertion, is part of equality, and survives serialisation (a JSON object).
/// Look-up is linear: systems have a handful of components.
///
/// ```
/// use meta_traits::Components;
/// let mut c: Components = [("query", "Find facts."), ("answer", "Answer briefly.")].into_iter().collect();
/// c.set("answer", "Answer in one word.");
/// assert_eq!(c.get("answer"), Some("Answer in one word."));
/// assert_eq!(c.names().collect::<Vec<_>>(), ["query", "answer"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Components(Vec<(String, String)>);

impl Components {
    /// No components.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text of `name`, if there is such a component.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t.as_str())
    }

    /// Replaces the text of `name`, or appends the component.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = text.into(),
            None => self.0.push((name.to_string(), text.into())),
        }
    }

    /// A copy in which the text of `name` is `text`.
    #[must_use]
    pub fn with(&self, name: &str, text: impl Into<String>) -> Self {
        let mut copy = self.clone();
        copy.set(name, text);
        copy
    }

    /// Names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(n, _)| n.as_str())
    }

    /// Names and texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, t)| (n.as_str(), t.as_str()))
    }

    /// Number of components.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no component.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Components {
    /// Later texts replace earlier ones of the same name.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        let mut out = Self::new();
        for (name, text) in pairs {
            out.set(&name.into(), text);
        }
        out
    }
}

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, text) in self.iter() {
            map.serialize_entry(name, text)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Components {
    /// # Errors
    /// A repeated name is an error: silently keeping one of two texts would lose the other.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Components;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from component name to text")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Components, A::Error> {
                let mut out = Components::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if out.get(&name).is_some() {
                        return Err(A::Error::custom(alloc::format!("component '{name}' is given twice")));
                    }
                    out.0.push((name, text));
                }
                Ok(out)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_order_and_refuses_repeats() {
        let c: Components = [("b", "1"), ("a", "2")].into_iter().collect();
        let json = serde_json::to_string(&c).unwrap();
        assert_eq!(json, r#"{"b":"1","a":"2"}"#);
        assert_eq!(serde_json::from_str::<Components>(&json).unwrap(), c);
        let twice = serde_json::from_str::<Components>(r#"{"a":"1","a":"2"}"#).unwrap_err();
        assert!(twice.to_string().contains("given twice"));
    }
}
