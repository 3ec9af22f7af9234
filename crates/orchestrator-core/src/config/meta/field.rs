use std::sync::LazyLock;

use serde_json::Value;

use super::kind::Kind;
use super::settings::MetaOrchestratorConfig;
use super::table::FIELDS;
use crate::config::{ConfigError, nearest};

/// One setting: its place, what it takes, what it means.
///
/// ```
/// let field = orchestrator_core::config::meta::Field::named("topology.mutation_rate").unwrap();
/// assert_eq!((field.default().to_string(), field.allowed()), ("0.3".into(), "0.1 to 1.0".into()));
/// assert_eq!(field.variable("GEPA_META"), "GEPA_META_TOPOLOGY_MUTATION_RATE");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    /// The last part of a variable's short name, for the fields that have one.
    pub(super) short: Option<&'static str>,
}

/// The five sections, with the names that their settings have in programs.
pub(super) const SECTIONS: [(&str, &str); 5] = [
    ("rl", "rl_config"),
    ("topology", "topology_config"),
    ("hyperopt", "hyperopt_config"),
    ("prompt", "prompt_config"),
    ("coordination", "coordination_config"),
];

/// Every field, in the order of the documentation.
pub fn fields() -> &'static [Field] {
    &FIELDS
}

impl Field {
    /// The field of this path, such as `topology.mutation_rate` or `topology_config.mutation_rate`.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] with the nearest one.
    pub fn named(path: &str) -> Result<&'static Self, ConfigError> {
        let path = canonical(path);
        FIELDS.iter().find(|field| field.path == path).ok_or_else(|| unknown(&path))
    }

    /// Section and name, or the name alone.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The section, for fields of a component.
    pub fn section(&self) -> Option<&'static str> {
        self.path.split_once('.').map(|(section, _)| section)
    }

    /// The name without its section.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// What it means, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        self.kind.allowed()
    }

    /// The value where nothing is set; null for none.
    pub fn default(&self) -> Value {
        static DEFAULTS: LazyLock<Value> =
            LazyLock::new(|| serde_json::to_value(MetaOrchestratorConfig::default()).unwrap_or_default());
        value_at(&DEFAULTS, self.path)
    }

    /// The environment variable that sets it.
    pub fn variable(&self, prefix: &str) -> String {
        match self.short {
            Some(short) => format!("{prefix}_{short}"),
            None => self.long_variable(prefix),
        }
    }

    /// The variable named after section and field, which sets it too.
    pub fn long_variable(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.path.replace('.', "_").to_uppercase())
    }
}

/// The value at a path of a nested object; null where there is none.
pub(super) fn value_at(object: &Value, path: &str) -> Value {
    path.split('.').try_fold(object, |object, key| object.get(key)).cloned().unwrap_or_default()
}

/// `path` with the section's short name.
pub(super) fn canonical(path: &str) -> String {
    let (head, tail) = path.split_once('.').map_or((path, None), |(head, tail)| (head, Some(tail)));
    let head = SECTIONS.iter().find(|(_, long)| *long == head).map_or(head, |(short, _)| short);
    tail.map_or_else(|| head.to_owned(), |tail| format!("{head}.{tail}"))
}

/// The error of a path that is no field's: with the nearest name in its section, or the same name elsewhere.
pub(super) fn unknown(path: &str) -> ConfigError {
    let (section, name) = path.split_once('.').map_or((None, path), |(section, name)| (Some(section), name));
    let known_section = section.filter(|section| SECTIONS.iter().any(|(short, _)| short == section));
    let elsewhere = || FIELDS.iter().find(|field| field.name() == name && field.section() != section);
    let here: Vec<&str> = match (section, known_section) {
        (Some(_), None) => SECTIONS.iter().map(|(short, _)| *short).collect(),
        (_, section) => {
            let fields = FIELDS.iter().filter(|field| field.section() == section).map(Field::name);
            let sections = SECTIONS.iter().map(|(short, _)| *short).filter(|_| section.is_none());
            fields.chain(sections).collect()
        }
    };
    let given = if section.is_some() && known_section.is_none() { section.unwrap_or(name) } else { name };
    let near = elsewhere().map(Field::path).or_else(|| nearest(given, here.iter().copied()));
    let advice = match near {
        Some(near) => format!("; did you mean {near}?"),
        None => format!(". Known: {}", here.join(", ")),
    };
    ConfigError::UnknownKey { key: path.to_owned(), advice }
}
