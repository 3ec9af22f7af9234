use meta_traits::{RestoreError, Space as _};
use serde::{Deserialize, Serialize};

use super::kernel::Variances;
use super::posterior::Posterior;
use crate::space::{Choices, PromptSpace};

/// The saved form of a [`Posterior`]: everything that is not computed from the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PosteriorState {
    prompts: Vec<Choices>,
    scores: Vec<Vec<(usize, f64)>>,
    suggested: Vec<(Choices, Choices)>,
    known: usize,
    variances: Variances,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Variances>,
    offsets: Vec<f64>,
    centre: f64,
    target: Vec<f64>,
    weight: Vec<f64>,
}

impl Posterior {
    /// The present state.
    pub fn state(&self) -> PosteriorState {
        PosteriorState {
            prompts: self.prompts.clone(),
            scores: self.rows.iter().map(|r| r.scores.clone()).collect(),
            suggested: self.suggested.clone(),
            known: self.known,
            variances: self.variances.clone(),
            expected: self.expected.clone(),
            offsets: self.offsets.clone(),
            centre: self.centre,
            target: self.target.clone(),
            weight: self.weight.clone(),
        }
    }

    /// The posterior that was saved; it answers bit for bit as the original. O(prompts^3).
    ///
    /// # Errors
    /// [`RestoreError::Body`] when the state does not fit the space, or holds what no posterior can.
    pub fn of_state(space: &PromptSpace, state: PosteriorState) -> Result<Self, RestoreError> {
        state.check(space).map_err(|what| RestoreError::Body(format!("the posterior {what}")))?;
        let mut posterior = Self::new(space.clone(), state.offsets.len());
        posterior.variances = state.variances;
        posterior.expected = state.expected;
        posterior.offsets = state.offsets;
        posterior.centre = state.centre;
        for (from, to) in &state.suggested {
            posterior.suggest(from, to);
        }
        posterior.known = state.known;
        for (prompt, scores) in state.prompts.iter().zip(state.scores) {
            let number = posterior.add(prompt);
            posterior.rows[number].scores = scores;
        }
        posterior.target = state.target;
        posterior.weight = state.weight;
        posterior.refactor();
        posterior.solve();
        Ok(posterior)
    }
}

impl PosteriorState {
    /// Number of prompts with results.
    pub(crate) fn prompts(&self) -> &[Choices] {
        &self.prompts
    }

    fn check(&self, space: &PromptSpace) -> Result<(), String> {
        let n = self.prompts.len();
        let pairs = self.suggested.iter().flat_map(|(from, to)| [from, to]);
        if self.prompts.iter().chain(pairs).any(|p| !space.contains(p)) {
            return Err("holds a prompt that is not in the space".into());
        }
        if [self.scores.len(), self.target.len(), self.weight.len()] != [n; 3]
            || self.known > self.suggested.len()
        {
            return Err(format!("has lists of different lengths for {n} prompts"));
        }
        let scored = self.scores.iter().flatten();
        if scored.clone().any(|(e, s)| *e >= self.offsets.len() || !(0.0..=1.0).contains(s)) {
            return Err("holds a score outside of [0, 1], or of no example".into());
        }
        let slots = space.slots().len();
        let all = || [Some(&self.variances), self.expected.as_ref()].into_iter().flatten();
        if all().any(|v| v.main.len() != slots || v.pair.len() != slots * slots.saturating_sub(1) / 2) {
            return Err("has variances of another space".into());
        }
        let finite = self.offsets.iter().chain(&self.target).chain([&self.centre]).all(|x| x.is_finite());
        let positive = all().flat_map(every).chain(&self.weight).all(|x| x.is_finite() && *x > 0.0);
        if finite && positive { Ok(()) } else { Err("holds what is no number, or no variance".into()) }
    }
}

fn every(variances: &Variances) -> impl Iterator<Item = &f64> {
    let Variances { main, pair, order, length, own, shared } = variances;
    main.iter().chain(pair).chain([order, length, own, shared])
}
