use meta_traits::{Fidelity, StopReason, Stream};
use serde::{Deserialize, Serialize};

use super::{Ended, Step, Strategy};
use crate::{INACTIVE, SearchSpace};

/// Every combination of the values of a grid once, at full fidelity.
///
/// A continuum has `resolution` values with both ends among them, a discrete parameter all of its values up to
/// `resolution` and as many evenly spaced ones beyond. The last parameter turns fastest. Combinations that differ only
/// in inactive parameters count once; forbidden ones are left out. A trial that fails or is abandoned is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    resolution: usize,
    next: u64,
}

impl Grid {
    /// A grid with so many values a continuum; 0 counts as 1, which is the middle.
    pub fn new(resolution: usize) -> Self {
        Self { resolution: resolution.max(1), next: 0 }
    }

    /// Values of one parameter.
    fn values(self, space: &SearchSpace, i: usize) -> Vec<f64> {
        let domain = &space.parameters()[i].domain;
        let n = domain.cardinality().map_or(self.resolution, |n| n.min(self.resolution));
        let even = |k: usize| if n == 1 { 0.5 } else { k as f64 / (n - 1) as f64 };
        match domain.cardinality() {
            Some(all) if all <= self.resolution || domain.is_categorical() => {
                (0..all).filter_map(|index| domain.place_of_index(index)).collect()
            }
            _ => (0..n).map(even).collect(),
        }
    }

    /// The combination `index`; `None` beyond the last.
    fn latent(values: &[Vec<f64>], index: u64) -> Option<Vec<f64>> {
        let mut left = index;
        let mut latent = vec![0.0; values.len()];
        for (place, values) in latent.iter_mut().zip(values).rev() {
            let n = values.len() as u64;
            *place = values[(left % n) as usize];
            left /= n;
        }
        (left == 0).then_some(latent)
    }
}

impl Strategy for Grid {
    const SCHEMA: &'static str = "bayes-hyperopt/grid";
    type Note = ();

    fn next(&mut self, space: &SearchSpace, _rng: &mut Stream) -> Step<()> {
        let values: Vec<Vec<f64>> = (0..space.len()).map(|i| self.values(space, i)).collect();
        while let Some(latent) = Self::latent(&values, self.next) {
            self.next += 1;
            let features = space.features(&latent);
            let first = |i: usize| features[i] != INACTIVE || latent[i].to_bits() == values[i][0].to_bits();
            if (0..space.len()).all(first) && space.allows(&space.decode(&latent)) {
                return Step::Run { latent, fidelity: Fidelity::FULL, note: () };
            }
        }
        Step::Done(StopReason::Exhausted)
    }

    fn learn(&mut self, _space: &SearchSpace, _ended: Ended<()>) {}
}
