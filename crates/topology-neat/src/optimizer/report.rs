use serde::Serialize;

/// One species in a [`GenerationReport`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeciesReport {
    /// Its id.
    pub id: u64,
    /// The species it was made from; none for the first and for restarts.
    pub parents: Vec<u64>,
    /// Its members in this generation.
    pub members: usize,
    /// Its lowest loss so far.
    pub best: Option<f64>,
    /// Inner neurons.
    pub hidden: usize,
    /// Edges that are on.
    pub edges: usize,
    /// The step of its weights.
    pub step: f64,
}

/// What happened in one generation; its JSON form is a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GenerationReport {
    /// Its number, from 0.
    pub generation: u64,
    /// Evaluations asked for up to and with this generation.
    pub evaluations: u64,
    /// The lowest loss so far.
    pub best: Option<f64>,
    /// The compatibility threshold.
    pub threshold: f64,
    /// Whether only removing edits come up.
    pub pruning: bool,
    /// The species, in the order of founding.
    pub species: Vec<SpeciesReport>,
}
