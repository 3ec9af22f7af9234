use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The part of an iteration that ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Evaluating the seed.
    Seed,
    /// Evaluating the parent on its minibatch.
    Parent,
    /// Having a text rewritten.
    Reflection,
    /// Evaluating the child on the minibatch.
    Child,
    /// Evaluating a merged candidate on a few validation examples.
    Merge,
    /// Evaluating a child or a merged candidate on the validation set.
    Validation,
}

/// What an iteration came to, for whoever follows a run. Sums are over the examples of the test, means over the
/// validation set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// The seed is the first member.
    Seeded {
        /// Its mean.
        mean: f64,
    },
    /// The parent is perfect on its minibatch: nothing to learn.
    Skipped {
        /// The iteration, from 1.
        iteration: u64,
        /// The parent's position in the pool.
        parent: usize,
    },
    /// The child did not pass its minibatch, and is forgotten.
    Rejected {
        /// The iteration, from 1.
        iteration: u64,
        /// The parent's position in the pool.
        parent: usize,
        /// The parent's sum.
        before: f64,
        /// The child's sum.
        after: f64,
    },
    /// The child passed and is a member now.
    Accepted {
        /// The iteration, from 1.
        iteration: u64,
        /// The parent's position in the pool.
        parent: usize,
        /// The parent's sum.
        before: f64,
        /// The child's sum.
        after: f64,
        /// Its position in the pool.
        member: usize,
        /// Its mean.
        mean: f64,
        /// Whether it is the best so far.
        best: bool,
    },
    /// A merged candidate was worse than its better parent, and is forgotten.
    MergeRejected {
        /// The iteration, from 1.
        iteration: u64,
        /// The parents' positions in the pool.
        parents: [usize; 2],
        /// The better parent's sum.
        before: f64,
        /// The merged candidate's sum.
        after: f64,
    },
    /// A merged candidate passed and is a member now.
    Merged {
        /// The iteration, from 1.
        iteration: u64,
        /// The parents' positions in the pool.
        parents: [usize; 2],
        /// The better parent's sum.
        before: f64,
        /// The merged candidate's sum.
        after: f64,
        /// Its position in the pool.
        member: usize,
        /// Its mean.
        mean: f64,
        /// Whether it is the best so far.
        best: bool,
    },
    /// An evaluation or a rewriting came to nothing, and with it the iteration.
    Dropped {
        /// The iteration, from 1; 0 for the seed.
        iteration: u64,
        /// What came to nothing.
        stage: Stage,
        /// Why.
        reason: String,
    },
}

/// How many iterations ended which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Children that became members.
    pub accepted: u64,
    /// Children that did not pass their minibatch.
    pub rejected: u64,
    /// Iterations whose minibatch was perfect already.
    pub skipped: u64,
    /// Merged candidates that became members.
    pub merged: u64,
    /// Merged candidates that did not.
    pub merges_rejected: u64,
    /// Iterations that came to nothing.
    pub dropped: u64,
}

/// The latest decisions, at most [`Log::LIMIT`], and the counts of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Log {
    latest: VecDeque<Decision>,
    pub(super) counts: Counts,
}

impl Log {
    /// Decisions kept for a reader that does not come; older ones are forgotten.
    const LIMIT: usize = 16;

    pub(super) fn push(&mut self, decision: Decision) {
        let n = &mut self.counts;
        match &decision {
            Decision::Seeded { .. } => {}
            Decision::Skipped { .. } => n.skipped += 1,
            Decision::Rejected { .. } => n.rejected += 1,
            Decision::Accepted { .. } => n.accepted += 1,
            Decision::MergeRejected { .. } => n.merges_rejected += 1,
            Decision::Merged { .. } => n.merged += 1,
            Decision::Dropped { .. } => n.dropped += 1,
        }
        if self.latest.len() == Self::LIMIT {
            self.latest.pop_front();
        }
        self.latest.push_back(decision);
    }

    pub(super) fn drain(&mut self) -> Vec<Decision> {
        self.latest.drain(..).collect()
    }
}
