use meta_traits::RestoreError;
use serde::{Deserialize, Serialize};

use super::{Part, PartId, Posterior, Prior, Regression, Row};

/// The saved form of a [`Posterior`]: all but what is computed from the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PosteriorState {
    slots: usize,
    examples: usize,
    prior: Prior,
    parts: Vec<Part>,
    combinations: Vec<Vec<PartId>>,
    rows: Vec<Row>,
    kinds: Vec<Vec<usize>>,
    stages: Vec<(usize, Regression)>,
    updates: u64,
    concluded: (usize, usize),
}

impl Posterior {
    /// The present state.
    pub fn state(&self) -> PosteriorState {
        PosteriorState {
            slots: self.slots,
            examples: self.examples,
            prior: self.prior,
            parts: self.parts.clone(),
            combinations: self.combinations.clone(),
            rows: self.rows.clone(),
            kinds: self.kinds.clone(),
            stages: self.stages.clone(),
            updates: self.updates,
            concluded: self.concluded,
        }
    }

    /// Whether this is the model of so many candidates of one part each.
    pub(in crate::race) fn is_of_candidates(&self, candidates: usize, examples: usize) -> bool {
        let alone = self.combinations.iter().enumerate().all(|(i, parts)| *parts == [i]);
        (self.slots, self.examples) == (1, examples)
            && (self.parts.len(), self.combinations.len()) == (candidates, candidates)
            && alone
    }

    /// The posterior of a saved state, bit for bit; the factors are computed again as they were.
    ///
    /// # Errors
    /// [`RestoreError::Body`] when the state refers to what it does not hold.
    pub fn of_state(state: PosteriorState) -> Result<Self, RestoreError> {
        let fits = state.is_sound();
        let mut posterior = Self {
            slots: state.slots,
            examples: state.examples,
            prior: state.prior,
            parts: state.parts,
            combinations: state.combinations,
            rows: state.rows,
            kinds: state.kinds,
            stages: state.stages,
            updates: state.updates,
            concluded: state.concluded,
        };
        if !fits {
            return Err(RestoreError::Body("the results do not fit the parts and examples".into()));
        }
        let places = posterior.places();
        for at in 0..posterior.stages.len() {
            let tallies = posterior.tallies(at, &places);
            let parts = &posterior.parts[..posterior.concluded.1];
            posterior.stages[at].1.factor(&posterior.combinations, parts, &tallies);
        }
        Ok(posterior)
    }
}

impl PosteriorState {
    fn is_sound(&self) -> bool {
        let part = |p: &PartId| *p < self.parts.len();
        let sound = |(i, p): (usize, &Part)| p.slot < self.slots && p.parent.is_none_or(|q| q < i);
        let row = |r: &Row| {
            let kind = r.kind == usize::MAX || r.kind < self.kinds.len();
            r.combination < self.combinations.len() && r.example < self.examples && kind
        };
        self.parts.iter().enumerate().all(sound)
            && self.combinations.iter().flatten().all(part)
            && self.rows.iter().all(row)
            && self.stages.len() == self.kinds.len()
            && self
                .stages
                .iter()
                .all(|(k, s)| *k < self.kinds.len() && s.fits(self.parts.len(), self.examples))
            && self.concluded.0 <= self.rows.len()
            && self.concluded.1 <= self.parts.len()
    }
}
