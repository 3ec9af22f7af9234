use meta_traits::{Fidelity, Stream};
use serde::{Deserialize, Serialize};

use super::{Ended, Step, Strategy};
use crate::SearchSpace;
use crate::doe::Sobol;

/// Independent uniform points, at full fidelity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random;

impl Strategy for Random {
    const SCHEMA: &'static str = "bayes-hyperopt/random";
    type Note = ();

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<()> {
        Step::Run { latent: space.sample_latent(rng), fidelity: Fidelity::FULL, note: () }
    }

    fn learn(&mut self, _space: &SearchSpace, _ended: Ended<()>) {}
}

/// Points of a scrambled [`Sobol`] sequence, at full fidelity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Even {
    sequence: Sobol,
    next: u64,
}

impl Even {
    /// The sequence for `space`, scrambled by the key of `rng`.
    pub fn new(space: &SearchSpace, rng: &Stream) -> Self {
        Self { sequence: Sobol::new(space.len(), rng), next: 0 }
    }
}

impl Strategy for Even {
    const SCHEMA: &'static str = "bayes-hyperopt/sobol";
    type Note = ();

    fn next(&mut self, _space: &SearchSpace, _rng: &mut Stream) -> Step<()> {
        let latent = self.sequence.at(self.next);
        self.next += 1;
        Step::Run { latent, fidelity: Fidelity::FULL, note: () }
    }

    fn learn(&mut self, _space: &SearchSpace, _ended: Ended<()>) {}

    fn fits(&self, space: &SearchSpace) -> bool {
        self.sequence.dimensions() == space.len()
    }
}
