use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Configuration, Domain, Value};

/// One parameter: its name, its values, and when it is active.
///
/// ```
/// use bayes_hyperopt::{Domain, Parameter};
/// let momentum = Parameter::new("momentum", Domain::Float { low: 0.0, high: 1.0 }).when("optimizer", ["sgd"]);
/// assert_eq!(momentum.when.unwrap().parameter, "optimizer");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parameter {
    /// Unique in its space.
    pub name: String,
    /// The values it may take.
    #[serde(flatten)]
    pub domain: Domain,
    /// When it is active; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl Parameter {
    /// A parameter that is always active.
    pub fn new(name: impl Into<String>, domain: Domain) -> Self {
        Self { name: name.into(), domain, when: None }
    }

    /// The same parameter, active only while `parent` is active and has one of `values`.
    #[must_use]
    pub fn when<V: Into<Value>>(
        mut self,
        parent: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let is = values.into_iter().map(Into::into).collect();
        self.when = Some(Condition { parameter: parent.into(), is });
        self
    }
}

/// The parent of a conditional parameter and the values that switch it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The parent: a discrete parameter named before its child.
    pub parameter: String,
    /// The child is active while the parent has one of these values.
    pub is: Vec<Value>,
}

/// A combination that must not be run: all of these parameters active with one of these values each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Forbidden(pub BTreeMap<String, Vec<Value>>);

impl Forbidden {
    /// Whether `point` is such a combination.
    pub fn holds(&self, point: &Configuration) -> bool {
        self.0.iter().all(|(name, values)| point.get(name).is_some_and(|value| values.contains(value)))
    }
}

/// A known constraint: a weighted sum of numeric parameters is at most a bound.
///
/// It says nothing about points where one of its parameters is inactive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The weight of each parameter.
    pub weights: BTreeMap<String, f64>,
    /// The bound.
    pub at_most: f64,
}

impl Constraint {
    /// Whether `point` keeps the constraint.
    pub fn holds(&self, point: &Configuration) -> bool {
        let sum: Option<f64> = self.weights.iter().map(|(n, w)| point.number(n).map(|x| w * x)).sum();
        sum.is_none_or(|sum| sum <= self.at_most)
    }
}
