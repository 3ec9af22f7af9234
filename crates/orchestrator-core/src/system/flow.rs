//! The order in which modules run.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::GraphStep;
use super::spec::nearest;

/// One step of a flow: a module's name, or a map with the one key `vote`, `refine`, `branch` or `graph`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Run this module.
    Module(String),
    /// Run one module several times and keep the most frequent answer.
    Vote(VoteStep),
    /// Draft and criticise in turns.
    Refine(RefineStep),
    /// Go on with one of several sequences.
    Branch(BranchStep),
    /// Run a graph of modules.
    Graph(GraphStep),
}

/// Runs a sampling `llm` module several times; its result becomes the most frequent answer, the first of equals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VoteStep {
    /// The module.
    pub of: String,
    /// How many answers, 2 to 64.
    pub samples: u32,
}

/// Runs `draft`, then `critique`, and both again until the critique accepts or the bound is reached.
///
/// The draft's template may use `{{ draft }}` and `{{ critique }}`: the previous draft and what was said about it,
/// both empty in the first round. The critique's template names the draft module, or uses `{{ draft }}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefineStep {
    /// The module that writes.
    pub draft: String,
    /// The module that judges: a `verify`, or any other together with `accept`.
    pub critique: String,
    /// Text that an accepting critique starts with (any case); a `verify` module brings its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// Most rounds, 1 to 10. The last draft stands, accepted or not.
    pub max_rounds: u32,
}

/// Goes on with the case that `on` names (outer blanks ignored), else with `default`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BranchStep {
    /// A template.
    pub on: String,
    /// Value of `on` to steps.
    pub cases: IndexMap<String, Vec<Step>>,
    /// Steps for every other value; without it such a value fails the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<Step>>,
}

const KINDS: [&str; 4] = ["vote", "refine", "branch", "graph"];

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Module(name) => return serializer.serialize_str(name),
            _ => serializer.serialize_map(Some(1))?,
        };
        match self {
            Self::Module(_) => {}
            Self::Vote(step) => map.serialize_entry("vote", step)?,
            Self::Refine(step) => map.serialize_entry("refine", step)?,
            Self::Branch(step) => map.serialize_entry("branch", step)?,
            Self::Graph(step) => map.serialize_entry("graph", step)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneStep;
        impl<'de> Visitor<'de> for OneStep {
            type Value = Step;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a module's name, or a map with the key vote, refine, branch or graph")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Step, E> {
                Ok(Step::Module(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(A::Error::custom(
                        "empty step; allowed: a module's name, vote, refine, branch, graph",
                    ));
                };
                let step = match key.as_str() {
                    "vote" => Step::Vote(map.next_value()?),
                    "refine" => Step::Refine(map.next_value()?),
                    "branch" => Step::Branch(map.next_value()?),
                    "graph" => Step::Graph(map.next_value()?),
                    other => {
                        let hint = nearest(other, KINDS);
                        return Err(A::Error::custom(format!(
                            "unknown step '{other}'{hint}; allowed: a module's name, vote, refine, branch, graph"
                        )));
                    }
                };
                match map.next_key::<String>()? {
                    None => Ok(step),
                    Some(more) => Err(A::Error::custom(format!(
                        "a step has one key, this one has '{key}' and '{more}'; start a new list entry"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(OneStep)
    }
}
