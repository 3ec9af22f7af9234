//! In which order updates of one round may run: declared dependencies and standing rules between components.

use std::collections::BTreeMap;

use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// An update of a round, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in the round; unique.
    pub name: String,
    /// Whose it is, for the rules.
    pub component: String,
    /// Names of steps that must finish before it.
    pub after: Vec<String>,
}

impl Step {
    /// A step of a component without dependencies of its own.
    pub fn new(name: impl Into<String>, component: impl Into<String>) -> Self {
        Self { name: name.into(), component: component.into(), after: Vec::new() }
    }

    /// The same, after the step of that name.
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after.push(name.into());
        self
    }
}

/// Standing rules: every step of one component runs before every step of another.
///
/// ```
/// use coordination::plan::{Plan, Step};
/// let steps = [Step::new("n", "hyperopt"), Step::new("t", "topology"), Step::new("s", "selector")];
/// let schedule = Plan::default().schedule(&steps)?;
/// assert_eq!(schedule.order, [2, 1, 0]);
/// assert_eq!(schedule.after[0], [1, 2]);
///
/// let circle = [Step::new("a", "x").after("b"), Step::new("b", "x").after("a")];
/// let error = Plan::none().schedule(&circle).unwrap_err().to_string();
/// assert_eq!(error, "coordination: dependencies form a circle: a -> b -> a; remove one of them");
/// # Ok::<(), coordination::plan::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    rules: Vec<(String, String)>,
}

/// The selector before topology, hyperparameters and prompts; topology before hyperparameters, whose space it decides.
impl Default for Plan {
    fn default() -> Self {
        Self::none()
            .with_rule("selector", "topology")
            .with_rule("selector", "hyperopt")
            .with_rule("selector", "prompt")
            .with_rule("topology", "hyperopt")
    }
}

/// What must run before what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The steps' places in an order that keeps every dependency; among free ones, the earlier listed first.
    pub order: Vec<usize>,
    /// For each step the places of those that must finish before it, ascending.
    pub after: Vec<Vec<usize>>,
}

/// Why steps cannot be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Each of them waits for the next.
    #[error("coordination: dependencies form a circle: {}; remove one of them", .0.join(" -> "))]
    Circle(Vec<String>),
    /// A dependency names no step.
    #[error("coordination: step '{step}' comes after '{missing}', which is no step; allowed: {}", .known.join(", "))]
    Unknown {
        /// Whose dependency.
        step: String,
        /// The name found.
        missing: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Two steps share a name.
    #[error("coordination: two steps are named '{0}'; names must be unique in a round")]
    Twice(String),
}

impl Classify for PlanError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

impl Plan {
    /// No rules: only what steps declare.
    pub fn none() -> Self {
        Self { rules: Vec::new() }
    }

    /// The same with one more rule.
    #[must_use]
    pub fn with_rule(mut self, before: impl Into<String>, after: impl Into<String>) -> Self {
        self.rules.push((before.into(), after.into()));
        self
    }

    /// Orders `steps`. O(steps^2 rules).
    ///
    /// # Errors
    /// [`PlanError::Circle`] with the whole path, [`PlanError::Unknown`], [`PlanError::Twice`].
    pub fn schedule(&self, steps: &[Step]) -> Result<Schedule, PlanError> {
        let mut places = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            if places.insert(step.name.as_str(), at).is_some() {
                return Err(PlanError::Twice(step.name.clone()));
            }
        }
        let mut waits: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            let after = waits.entry(at).or_default();
            for name in &step.after {
                let missing = || PlanError::Unknown {
                    step: step.name.clone(),
                    missing: name.clone(),
                    known: places.keys().map(|k| (*k).to_owned()).collect(),
                };
                after.push(*places.get(name.as_str()).ok_or_else(missing)?);
            }
            for (other, before) in steps.iter().enumerate() {
                let ruled = |(b, a): &(String, String)| *b == before.component && *a == step.component;
                if other != at && self.rules.iter().any(ruled) {
                    after.push(other);
                }
            }
            after.sort_unstable();
            after.dedup();
        }
        if let Some(circle) = circle(&waits) {
            return Err(PlanError::Circle(circle.into_iter().map(|at| steps[at].name.clone()).collect()));
        }
        let mut placed = vec![false; steps.len()];
        let mut order = Vec::with_capacity(steps.len());
        while let Some(next) =
            (0..steps.len()).find(|at| !placed[*at] && waits[at].iter().all(|b| placed[*b]))
        {
            placed[next] = true;
            order.push(next);
        }
        Ok(Schedule { order, after: waits.into_values().collect() })
    }
}

/// A circle in a graph of who waits for whom, its first node repeated at the end. O(nodes + edges).
pub(crate) fn circle<T: Copy + Ord>(waits: &BTreeMap<T, Vec<T>>) -> Option<Vec<T>> {
    let mut done: BTreeMap<T, bool> = BTreeMap::new();
    for start in waits.keys() {
        // The path from `start`, and how many edges of each node were followed.
        let mut path: Vec<(T, usize)> = Vec::new();
        let mut enter = Some(*start);
        loop {
            if let Some(node) = enter.take() {
                match done.get(&node) {
                    Some(true) => {}
                    Some(false) => {
                        let from = path.iter().position(|(n, _)| *n == node)?;
                        let nodes = path[from..].iter().map(|(n, _)| *n);
                        return Some(nodes.chain([node]).collect());
                    }
                    None => {
                        done.insert(node, false);
                        path.push((node, 0));
                    }
                }
            }
            let Some((node, followed)) = path.last_mut() else { break };
            if let Some(next) = waits.get(node).and_then(|w| w.get(*followed)) {
                *followed += 1;
                enter = Some(*next);
            } else {
                done.insert(*node, true);
                path.pop();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_circle_is_named_whole() {
        let steps = [
            Step::new("tune", "hyperopt"),
            Step::new("grow", "topology").after("tune"),
            Step::new("pick", "selector"),
        ];
        let error = Plan::default().schedule(&steps).unwrap_err();
        assert_eq!(error, PlanError::Circle(["tune", "grow", "tune"].map(String::from).to_vec()));
        let own = [Step::new("a", "x").after("a")];
        let error = Plan::none().schedule(&own).unwrap_err().to_string();
        assert!(error.contains("a -> a"), "{error}");
    }

    #[test]
    fn names_are_checked() {
        let unknown = [Step::new("a", "x").after("c"), Step::new("b", "x")];
        let error = Plan::none().schedule(&unknown).unwrap_err().to_string();
        assert_eq!(error, "coordination: step 'a' comes after 'c', which is no step; allowed: a, b");
        let twice = [Step::new("a", "x"), Step::new("a", "y")];
        assert!(matches!(Plan::none().schedule(&twice), Err(PlanError::Twice(_))));
        assert!(Plan::none().schedule(&[]).unwrap().order.is_empty());
    }

    #[test]
    fn orders_keep_all_dependencies_of_random_graphs() {
        for seed in 0..50 {
            let mut rng = meta_traits::Stream::root(seed);
            let steps: Vec<Step> = (0..20)
                .map(|i| {
                    let step = Step::new(format!("s{i}"), ["selector", "topology", "prompt"][rng.below(3)]);
                    (0..i).filter(|_| rng.chance(0.15)).fold(step, |s, j| s.after(format!("s{j}")))
                })
                .collect();
            match Plan::default().schedule(&steps) {
                Ok(schedule) => {
                    let place: BTreeMap<usize, usize> =
                        schedule.order.iter().enumerate().map(|(p, at)| (*at, p)).collect();
                    assert_eq!(place.len(), 20);
                    for (at, after) in schedule.after.iter().enumerate() {
                        assert!(after.iter().all(|b| place[b] < place[&at]));
                    }
                }
                Err(PlanError::Circle(path)) => assert!(path.len() > 2 && path.first() == path.last()),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
