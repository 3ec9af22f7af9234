use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::{Field, SECTIONS, canonical, fields};
use super::kind::shown;
use super::origin::Origin;
use super::raw::Setting;
use crate::config::{ConfigError, from_text};

/// A text's values with the lines they begin on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    /// A value without names.
    Leaf(Value),
    /// Names, lines and values.
    Map(Vec<(String, u64, Tree)>),
}

impl Tree {
    /// Reads YAML, of which JSON is a part.
    pub(super) fn from_yaml(text: &str, file: &str) -> Result<Self, ConfigError> {
        from_text::<Option<Self>>(text, file).map(Option::unwrap_or_default)
    }

    /// Reads TOML.
    pub(super) fn from_toml(text: &str, file: &str) -> Result<Self, ConfigError> {
        let table = DeTable::parse(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            ConfigError::Text {
                file: file.to_owned(),
                line: line_after(before),
                column: before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1,
                message: error.message().lines().next().unwrap_or_default().to_owned(),
                advice: String::new(),
            }
        })?;
        Ok(of_table(table.get_ref(), text))
    }

    /// The settings: the whole, or of a file that describes a run the section `meta`.
    pub(super) fn settings(self) -> Self {
        let Self::Map(mut entries) = self else { return self };
        let has = |name: &str| entries.iter().any(|(key, ..)| key == name);
        if let Some(at) = entries.iter().position(|(key, ..)| key == "meta") {
            return entries.swap_remove(at).2;
        }
        if ["budget", "system", "evaluator", "simulated"].into_iter().any(has) {
            return Self::default();
        }
        Self::Map(entries)
    }

    /// The fields that are set, in the order of the text; `origin` tells it of a line.
    pub(super) fn flatten(self, origin: &dyn Fn(u64) -> Origin) -> Result<Vec<Setting>, ConfigError> {
        let mut settings: Vec<Setting> = Vec::new();
        let mut add = |path: &str, line: u64, tree: Self| {
            let field = Field::named(path)?;
            let origin = origin(line);
            if settings.iter().any(|known| known.field.path == field.path) {
                let (path, place) = (field.path, origin.place());
                return Err(ConfigError::inconsistent(format!("{path} is given twice{place}. Keep one")));
            }
            settings.push(Setting { field, value: tree.value(), origin });
            Ok(())
        };
        for (key, line, tree) in self.entries().map_err(|value| no_map("settings", &value, &origin(1)))? {
            let key = canonical(&key);
            if !SECTIONS.iter().any(|(section, _)| *section == key) {
                add(&key, line, tree)?;
                continue;
            }
            for (name, line, tree) in tree.entries().map_err(|value| no_map(&key, &value, &origin(line)))? {
                add(&format!("{key}.{name}"), line, tree)?;
            }
        }
        Ok(settings)
    }

    /// The entries of a map; of nothing, none.
    fn entries(self) -> Result<Vec<(String, u64, Self)>, Value> {
        match self {
            Self::Map(entries) => Ok(entries),
            Self::Leaf(Value::Null) => Ok(Vec::new()),
            Self::Leaf(value) => Err(value),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Map(entries) => entries.into_iter().map(|(key, _, tree)| (key, tree.value())).collect(),
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::Map(Vec::new())
    }
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Object(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), 0, value.into())).collect())
            }
            leaf => Self::Leaf(leaf.clone()),
        }
    }
}

fn no_map(name: &str, value: &Value, origin: &Origin) -> ConfigError {
    let section = Some(name).filter(|name| *name != "settings");
    let names = fields().iter().filter(|field| field.section() == section).map(Field::name);
    ConfigError::Setting {
        field: name.to_owned(),
        value: shown(value),
        words: "is no map of settings".into(),
        place: origin.place(),
        advice: format!(". Allowed the keys {}.", names.collect::<Vec<_>>().join(", ")),
    }
}

fn of_table(table: &DeTable<'_>, text: &str) -> Tree {
    let entries = table.iter().map(|(key, value)| {
        let line = line_after(text.get(..key.span().start).unwrap_or_default());
        (key.get_ref().to_string(), line, of_toml(value.get_ref(), text))
    });
    Tree::Map(entries.collect())
}

fn of_toml(value: &DeValue<'_>, text: &str) -> Tree {
    Tree::Leaf(match value {
        DeValue::Table(table) => return of_table(table, text),
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(n) => {
            i64::from_str_radix(n.as_str(), n.radix()).map_or_else(|_| n.as_str().into(), Value::from)
        }
        DeValue::Float(x) => x.as_str().parse::<f64>().map_or_else(|_| x.as_str().into(), real),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(elements) => {
            elements.iter().map(|element| of_toml(element.get_ref(), text).value()).collect()
        }
    })
}

/// The number of the line that goes on after `before`, from 1.
fn line_after(before: &str) -> u64 {
    before.matches('\n').count() as u64 + 1
}

/// A number, or its name where JSON has none for it.
fn real(x: f64) -> Value {
    if x.is_finite() { x.into() } else { x.to_string().into() }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(flag.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(n.into()))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(n.into()))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(real(x)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Tree, D::Error> {
        Tree::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut values = Vec::new();
        while let Some(element) = elements.next_element::<Tree>()? {
            values.push(element.value());
        }
        Ok(Tree::Leaf(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Spanned<Tree>>()? {
            entries.push((key, value.referenced.line(), value.value));
        }
        Ok(Tree::Map(entries))
    }
}
