use std::fmt::Debug;

use meta_traits::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::SearchSpace;

/// What was seen at each level, in the order of asking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(Vec<Vec<Seen>>);

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The trial.
    pub id: u64,
    /// Where.
    pub latent: Vec<f64>,
    /// The loss; `None` when it failed.
    pub loss: Option<f64>,
}

impl History {
    pub(super) fn new(levels: usize) -> Self {
        Self(vec![Vec::new(); levels])
    }

    /// Evaluations at `level`, in the order of asking.
    pub fn at(&self, level: usize) -> &[Seen] {
        self.0.get(level).map_or(&[], Vec::as_slice)
    }

    /// Levels, cheapest first.
    pub fn levels(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, level: usize, seen: Seen) {
        if let Some(rows) = self.0.get_mut(level) {
            let place = rows.partition_point(|row| row.id < seen.id);
            rows.insert(place, seen);
        }
    }

    pub(super) fn fits(&self, levels: usize, dimensions: usize) -> bool {
        self.0.len() == levels && self.0.iter().flatten().all(|seen| seen.latent.len() == dimensions)
    }
}

/// Where a scheduler's new points come from.
pub trait Sampler: Clone + Debug + Serialize + DeserializeOwned {
    /// The kind of a saved [`super::Hyperband`] with these points.
    const HYPERBAND: &'static str;
    /// The kind of a saved [`super::Asha`] with these points.
    const ASHA: &'static str;

    /// A legal latent point.
    fn sample(&self, space: &SearchSpace, history: &History, rng: &mut Stream) -> Vec<f64>;
}

/// Independent uniform points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uniform;

impl Sampler for Uniform {
    const HYPERBAND: &'static str = "bayes-hyperopt/hyperband";
    const ASHA: &'static str = "bayes-hyperopt/asha";

    fn sample(&self, space: &SearchSpace, _history: &History, rng: &mut Stream) -> Vec<f64> {
        space.sample_latent(rng)
    }
}
