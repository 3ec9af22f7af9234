use serde::{Deserialize, Serialize};

use crate::Configuration;

/// What is known of a task beside its losses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Context {
    /// The algorithm whose settings are searched.
    pub algorithm: String,
    /// The kind of task, such as `classification`.
    pub task_type: String,
    /// Number of examples, or any other measure of size above 0.
    pub size: f64,
    /// Further numbers that describe the task, each on about the same scale in all tasks.
    pub features: Vec<f64>,
}

impl Context {
    /// How alike two contexts are, in [0, 1]: 0.3 for the same algorithm, 0.3 for the same kind of task, 0.2 times the ratio
    /// of the smaller to the larger size, and 0.2 / (1 + the distance of the features).
    ///
    /// Sizes that are not above 0 and features of unequal number count as unlike.
    ///
    /// ```
    /// use bayes_hyperopt::transfer::Context;
    /// let old = Context { algorithm: "mlp".into(), task_type: "digits".into(), size: 500.0, features: vec![] };
    /// let new = Context { size: 1000.0, ..old.clone() };
    /// assert!((old.similarity(&new) - 0.9).abs() < 1e-12);
    /// ```
    pub fn similarity(&self, other: &Self) -> f64 {
        let same = |a: &str, b: &str| f64::from(u8::from(a == b));
        let ratio = (self.size / other.size).min(other.size / self.size);
        let ratio = if self.size > 0.0 && other.size > 0.0 && ratio.is_finite() { ratio } else { 0.0 };
        let near = if self.features.len() == other.features.len() {
            let square: f64 = self.features.iter().zip(&other.features).map(|(a, b)| (a - b).powi(2)).sum();
            1.0 / (1.0 + square.sqrt())
        } else {
            0.0
        };
        let near = if near.is_finite() { near } else { 0.0 };
        0.3 * same(&self.algorithm, &other.algorithm)
            + 0.3 * same(&self.task_type, &other.task_type)
            + 0.2 * ratio
            + 0.2 * near
    }
}

/// One earlier search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experience {
    /// A name for people.
    pub name: String,
    /// What it was about.
    #[serde(default)]
    pub context: Context,
    /// Points and their losses; losses of different tasks need not be on one scale.
    pub points: Vec<(Configuration, f64)>,
}

/// Earlier searches: a value to be stored and read by whoever has a place for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Library(pub Vec<Experience>);

impl Library {
    /// The experiences at least as similar to `context` as `threshold`, most similar first, at most `most`; equals in the
    /// order of the library.
    pub fn similar(&self, context: &Context, threshold: f64, most: usize) -> Vec<&Experience> {
        let mut found: Vec<(f64, &Experience)> =
            self.0.iter().map(|experience| (experience.context.similarity(context), experience)).collect();
        found.retain(|(similarity, _)| *similarity >= threshold);
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().take(most).map(|(_, experience)| experience).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_ones_come_first_and_unlike_ones_not_at_all() {
        let context = |algorithm: &str, size: f64| Context {
            algorithm: algorithm.into(),
            task_type: "t".into(),
            size,
            features: vec![1.0, 2.0],
        };
        let experience = |name: &str, context| Experience { name: name.into(), context, points: vec![] };
        let library = Library(vec![
            experience("other", context("b", 10.0)),
            experience("far", context("a", 1000.0)),
            experience("near", context("a", 11.0)),
        ]);
        let names = |threshold, most| -> Vec<&str> {
            library.similar(&context("a", 10.0), threshold, most).iter().map(|e| e.name.as_str()).collect()
        };
        assert_eq!(names(0.75, 10), ["near", "far"]);
        assert_eq!(names(0.0, 2), ["near", "far"]);
        assert_eq!(names(0.75, 1), ["near"]);
        let odd = Context { size: f64::NAN, features: vec![f64::NAN, 0.0], ..context("a", 1.0) };
        assert!((odd.similarity(&context("a", 10.0)) - 0.6).abs() < 1e-12);
    }
}
