use serde::{Deserialize, Serialize};

use super::{ELond, EProcess, Target};

/// The claims of a race, "this candidate is better than the incumbent", tested together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims {
    rates: ELond,
    open: Vec<Claim>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    candidate: usize,
    evidence: EProcess,
}

impl Claims {
    pub(super) fn new(alpha: f64) -> Self {
        Self { rates: ELond::new(alpha), open: Vec::new() }
    }

    /// Opens a claim for `candidate`; only what is observed from now on counts.
    pub(super) fn open(&mut self, candidate: usize, target: Target) {
        if !self.open.iter().any(|c| c.candidate == candidate) {
            self.rates.open();
            // Scores are in [0, 1], so differences are in [-1, 1].
            self.open.push(Claim { candidate, evidence: EProcess::new(target, 1.0) });
        }
    }

    pub(super) fn fit(&self, candidates: usize) -> bool {
        self.open.iter().all(|c| c.candidate < candidates)
    }

    /// A paired difference of a candidate to the incumbent.
    pub(super) fn observe(&mut self, candidate: usize, difference: f64) {
        for at in 0..self.open.len() {
            let claim = &mut self.open[at];
            if claim.candidate == candidate {
                claim.evidence.observe(difference);
            }
            let e = claim.evidence.value();
            self.rates.test(at, e);
        }
    }

    pub(super) fn is_established(&self, candidate: usize) -> bool {
        self.open.iter().position(|c| c.candidate == candidate).is_some_and(|at| self.rates.is_rejected(at))
    }

    /// The e-value of a candidate's claim.
    pub(super) fn evidence(&self, candidate: usize) -> Option<f64> {
        self.open.iter().find(|c| c.candidate == candidate).map(|c| c.evidence.value())
    }
}
