//! What may be searched: parameters, conditions, forbidden combinations, known constraints.

mod configuration;
mod domain;
mod latent;
mod parameter;
mod value;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::SpaceError;

pub use configuration::Configuration;
pub use domain::Domain;
pub use latent::INACTIVE;
pub use parameter::{Condition, Constraint, Forbidden, Parameter};
pub use value::Value;

/// Draws until a legal point must have turned up; below one legal point in some thousands a space is refused.
const DRAWS: u64 = 20_000;

/// A mixed, conditional search space.
///
/// Parameters form a tree: a child names its parent, which stands before it, and is active only with some of the
/// parent's values. Points that match a forbidden combination or break a constraint are no members. The written form is an
/// object with `parameters` and, where there are any, `forbidden` and `constraints`; reading checks everything.
///
/// ```
/// use bayes_hyperopt::SearchSpace;
/// use meta_traits::{Space, Stream};
/// let space: SearchSpace = serde_json::from_str(r#"{
///     "parameters": [
///         {"name": "lr", "type": "log", "low": 1e-5, "high": 1.0},
///         {"name": "optimizer", "type": "categorical", "choices": ["adam", "sgd"]},
///         {"name": "momentum", "type": "float", "low": 0.0, "high": 1.0,
///          "when": {"parameter": "optimizer", "is": ["sgd"]}}
///     ],
///     "forbidden": [{"optimizer": ["adam"], "lr": [1.0]}]
/// }"#).unwrap();
/// let point = space.sample(&mut Stream::root(3));
/// assert!(space.contains(&point));
/// assert_eq!(point.get("momentum").is_some(), point.get("optimizer").unwrap().as_str() == Some("sgd"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct SearchSpace {
    parameters: Vec<Parameter>,
    forbidden: Vec<Forbidden>,
    constraints: Vec<Constraint>,
    /// For every child: the position of its parent, and the places of the values that switch it on.
    parents: Vec<Option<(usize, Vec<f64>)>>,
    /// A legal point in latent form, for the day on which no draw is legal.
    witness: Vec<f64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    parameters: Vec<Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forbidden: Vec<Forbidden>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    constraints: Vec<Constraint>,
}

impl SearchSpace {
    /// A space of these parameters, without forbidden combinations and constraints.
    ///
    /// # Errors
    /// [`SpaceError`] naming the first parameter that is wrong, and what is allowed.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, SpaceError> {
        Self::with_rules(parameters, Vec::new(), Vec::new())
    }

    /// A space of these parameters without the points that a forbidden combination or a constraint rules out.
    ///
    /// # Errors
    /// [`SpaceError`] naming the first part that is wrong; also when hardly any point is legal.
    pub fn with_rules(
        parameters: Vec<Parameter>,
        forbidden: Vec<Forbidden>,
        constraints: Vec<Constraint>,
    ) -> Result<Self, SpaceError> {
        if parameters.is_empty() {
            return Err(SpaceError::Empty);
        }
        for (i, parameter) in parameters.iter().enumerate() {
            if parameters[..i].iter().any(|p| p.name == parameter.name) {
                return Err(SpaceError::Repeated { name: parameter.name.clone() });
            }
            if let Some(fault) = parameter.domain.fault() {
                return Err(SpaceError::Domain { name: parameter.name.clone(), fault });
            }
        }
        let parents = (0..parameters.len()).map(|i| parent(&parameters, i)).collect::<Result<_, _>>()?;
        for (name, values) in forbidden.iter().flat_map(|f| &f.0) {
            let domain = &named(&parameters, name)?.domain;
            if let Some(value) = values.iter().find(|v| domain.place(v).is_none()) {
                return Err(SpaceError::Value { name: name.clone(), value: value.to_string() });
            }
        }
        for constraint in &constraints {
            let weights = constraint.weights.values().chain([&constraint.at_most]);
            if weights.into_iter().any(|w| w.is_nan()) {
                return Err(SpaceError::Nan);
            }
            for name in constraint.weights.keys() {
                named(&parameters, name)?;
            }
        }
        let mut space = Self { parameters, forbidden, constraints, parents, witness: Vec::new() };
        space.witness = space.search_witness().ok_or(SpaceError::NothingLegal)?;
        Ok(space)
    }

    /// The parameters in order, parents before children.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Number of parameters, inactive ones included: the length of latent points and of features.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Always false: a space has at least one parameter.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Whether every parameter is a continuum that is always active and every point is legal.
    pub fn is_box(&self) -> bool {
        !self.has_rules()
            && self.parameters.iter().all(|p| p.when.is_none() && p.domain.cardinality().is_none())
    }

    /// Whether some points are ruled out.
    pub fn has_rules(&self) -> bool {
        !(self.forbidden.is_empty() && self.constraints.is_empty())
    }

    /// Whether no forbidden combination and no constraint speaks against `point`.
    pub fn allows(&self, point: &Configuration) -> bool {
        !self.forbidden.iter().any(|f| f.holds(point)) && self.constraints.iter().all(|c| c.holds(point))
    }

    fn search_witness(&self) -> Option<Vec<f64>> {
        let middle = vec![0.5; self.len()];
        if self.allows(&self.decode(&middle)) {
            return Some(middle);
        }
        let root = Stream::root(0).child("space/witness", 0);
        (0..DRAWS)
            .map(|i| self.latent_draw(&mut root.child("draw", i)))
            .find(|latent| self.allows(&self.decode(latent)))
    }
}

impl meta_traits::Space for SearchSpace {
    type Point = Configuration;

    fn sample(&self, rng: &mut Stream) -> Configuration {
        self.decode(&self.sample_latent(rng))
    }

    fn contains(&self, point: &Configuration) -> bool {
        self.encode(point).is_some() && self.allows(point)
    }
}

fn named<'a>(parameters: &'a [Parameter], name: &str) -> Result<&'a Parameter, SpaceError> {
    parameters.iter().find(|p| p.name == name).ok_or_else(|| SpaceError::Unknown { name: name.to_owned() })
}

fn parent(parameters: &[Parameter], child: usize) -> Result<Option<(usize, Vec<f64>)>, SpaceError> {
    let Some(condition) = &parameters[child].when else { return Ok(None) };
    let position = parameters[..child].iter().position(|p| p.name == condition.parameter);
    let Some(position) = position.filter(|p| parameters[*p].domain.cardinality().is_some()) else {
        return Err(SpaceError::Parent {
            name: parameters[child].name.clone(),
            parent: condition.parameter.clone(),
        });
    };
    let domain = &parameters[position].domain;
    let places = condition.is.iter().map(|value| {
        domain
            .place(value)
            .ok_or_else(|| SpaceError::Value { name: condition.parameter.clone(), value: value.to_string() })
    });
    Ok(Some((position, places.collect::<Result<_, _>>()?)))
}

impl TryFrom<Written> for SearchSpace {
    type Error = SpaceError;
    fn try_from(written: Written) -> Result<Self, SpaceError> {
        Self::with_rules(written.parameters, written.forbidden, written.constraints)
    }
}

impl From<SearchSpace> for Written {
    fn from(space: SearchSpace) -> Self {
        Self { parameters: space.parameters, forbidden: space.forbidden, constraints: space.constraints }
    }
}
