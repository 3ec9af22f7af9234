use meta_traits::Observation;
use serde::{Deserialize, Serialize};

use super::Explanation;
use crate::Configuration;

/// One trial that was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) candidate: Configuration,
    pub(crate) features: Vec<f64>,
    pub(crate) told: Told,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Finite losses, constraints kept.
    Sound(Observation),
    /// Finite losses, some constraint violated.
    Violated(Observation),
    /// No usable result.
    Failed,
}

/// One trial that was asked and not yet told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) candidate: Configuration,
    pub(crate) features: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<Explanation>,
}

/// One point that was made but not yet asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) latent: Vec<f64>,
    pub(crate) features: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<Explanation>,
}
