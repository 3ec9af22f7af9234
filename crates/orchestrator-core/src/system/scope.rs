//! The values that templates see.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::SystemError;

/// What a module answered: a text, and for retrieval also its passages.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) value: Value,
}

impl Reply {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { value: Value::from(text.as_str()), text }
    }

    /// A list for loops that prints as `text`.
    pub(super) fn passages(items: Vec<Value>, text: String) -> Self {
        let value = Value::from_object(Passages { items, text: text.clone() });
        Self { text, value }
    }
}

#[derive(Debug)]
struct Passages {
    items: Vec<Value>,
    text: String,
}

impl Object for Passages {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items.get(key.as_usize()?).cloned()
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Fields of the input and results of modules.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    values: BTreeMap<String, Value>,
    texts: BTreeMap<String, String>,
    last: Option<String>,
    calls: BTreeMap<String, u64>,
}

impl Scope {
    /// The declared `fields` of `input`.
    pub(super) fn of_input(fields: &[String], input: &serde_json::Value) -> Result<Self, SystemError> {
        let mut scope = Self::default();
        match (input, fields) {
            (serde_json::Value::Object(map), _) => {
                for field in fields {
                    let value = map.get(field).ok_or_else(|| {
                        let there = map.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                        SystemError::Input {
                            message: format!("no field '{field}'; the example's input has: {there}"),
                        }
                    })?;
                    scope.bind(field, json_text(value), json_value(value));
                }
            }
            (plain, [field]) => scope.bind(field, json_text(plain), json_value(plain)),
            _ => {
                return Err(SystemError::Input {
                    message: format!(
                        "system.input declares the fields {}, but the example's input is no object",
                        fields.join(", ")
                    ),
                });
            }
        }
        Ok(scope)
    }

    fn bind(&mut self, name: &str, text: String, value: Value) {
        self.values.insert(name.to_owned(), value);
        self.texts.insert(name.to_owned(), text);
    }

    /// Makes a text visible that is no module's result.
    pub(super) fn set(&mut self, name: &str, text: &str) {
        self.bind(name, text.to_owned(), Value::from(text));
    }

    /// Makes a module's result visible without its having run here.
    pub(super) fn bind_reply(&mut self, module: &str, reply: Reply) {
        self.bind(module, reply.text, reply.value);
    }

    /// Takes a module's result.
    pub(super) fn put(&mut self, module: &str, reply: Reply) {
        self.bind(module, reply.text, reply.value);
        self.last = Some(module.to_owned());
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The value of `name` as a module's result.
    pub(super) fn reply(&self, name: &str) -> Option<Reply> {
        Some(Reply { text: self.texts.get(name)?.clone(), value: self.values.get(name)?.clone() })
    }

    /// The result of the module that ran last.
    pub(super) fn last(&self) -> Option<&str> {
        self.text(self.last.as_deref()?)
    }

    pub(super) fn values(&self) -> Value {
        Value::from(self.values.clone())
    }

    /// All values of both; of two, the longer or the shorter one.
    pub(super) fn merged(mut self, other: Self, longer: bool) -> Self {
        for (name, text) in other.texts {
            let Some(value) = other.values.get(&name) else { continue };
            let take = match self.text(&name) {
                None => true,
                Some(own) if longer => text.len() > own.len(),
                Some(own) => text.len() < own.len(),
            };
            if take {
                self.bind(&name, text, value.clone());
            }
        }
        self
    }

    /// How often `module` was called before.
    pub(super) fn calls(&self, module: &str) -> u64 {
        self.calls.get(module).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, module: &str, calls: u64) {
        *self.calls.entry(module.to_owned()).or_default() += calls;
    }
}

/// A JSON value as text: strings as they are, everything else as compact JSON.
pub(super) fn json_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A JSON value for templates.
pub(super) fn json_value(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), _, _) => Value::from(i),
            (_, Some(u), _) => Value::from(u),
            (_, _, Some(f)) => Value::from(f),
            _ => Value::from(n.to_string()),
        },
        Json::String(s) => Value::from(s.as_str()),
        Json::Array(items) => {
            Reply::passages(items.iter().map(json_value).collect(), value.to_string()).value
        }
        Json::Object(map) => {
            let map: BTreeMap<String, Value> = map.iter().map(|(k, v)| (k.clone(), json_value(v))).collect();
            Value::from(map)
        }
    }
}
