use std::collections::VecDeque;

use meta_traits::ExampleId;
use serde::{Deserialize, Serialize};

use crate::space::Edit;

/// Entries kept until they are drained.
const KEPT: usize = 64;

/// Where a proposal comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The space's seed.
    Seed,
    /// The space's distribution.
    Random,
    /// The best prompt by the posterior mean.
    Mean,
    /// The best prompt by a draw from the posterior.
    Draw,
    /// A reflecting model.
    Reflection,
    /// Whatever was left to try.
    Leftover,
    /// A prompt that could be returned, on the anchors it has not met.
    Anchor,
    /// A random prompt with or without a pattern.
    Toggle,
    /// The prompt that leads in the end, or the seed, on examples held out for it.
    Confirm,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// It was tried, and another prompt is to be returned.
    Tried,
    /// It was tried and is the prompt to be returned.
    Leads,
    /// Its evaluation came to nothing.
    Dropped,
    /// A reply that was followed: the model knows of it, searches start from it.
    Followed,
    /// A reply that is no usable edit of the prompt shown.
    Unusable,
    /// A reply that was made before for the same prompt.
    Repeated,
    /// In the end it was better than the seed on fresh examples: it is returned.
    Confirmed,
    /// In the end it may have been no better than the seed: the seed is returned.
    Tied,
}

/// Why a proposal was made and what became of it; one JSON line in a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Proposal {
    /// The round.
    pub round: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// Fingerprint of the prompt it was made from, where there is one.
    pub parent: Option<u64>,
    /// The edits from that prompt.
    pub edits: Vec<Edit>,
    /// Its fingerprint; none for a reply that is no prompt.
    pub prompt: Option<u64>,
    /// The examples it was tried on this time.
    pub examples: Vec<ExampleId>,
    /// What became of it.
    pub fate: Fate,
    /// Mean score on these examples.
    pub score: Option<f64>,
    /// Posterior mean of its log odds, and their standard deviation.
    pub posterior: Option<(f64, f64)>,
}

/// The latest proposals.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifest(VecDeque<Proposal>);

impl Manifest {
    pub(super) fn push(&mut self, proposal: Proposal) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(proposal);
    }

    pub(super) fn drain(&mut self) -> Vec<Proposal> {
        self.0.drain(..).collect()
    }
}
