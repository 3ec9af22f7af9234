//! What an execution did.

use meta_traits::Cost;
use serde::{Deserialize, Serialize};

/// One call of one module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleTrace {
    /// The module.
    pub module: String,
    /// Which call of it in this execution, from 0.
    pub call: u64,
    /// The values its template used, by name.
    pub inputs: Vec<(String, String)>,
    /// The filled-in template: prompt, query or tool input.
    pub prompt: String,
    /// Its result.
    pub output: String,
    /// Log-probabilities of the labels in nats, where they were scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_scores: Vec<(String, f64)>,
    /// What the call cost.
    pub cost: Cost,
}

/// One run of a system on one input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Execution {
    /// The system's answer.
    pub output: String,
    /// Every module call in order; empty unless a trace was asked for.
    pub trace: Vec<ModuleTrace>,
    /// What all calls cost together. No metric call is counted here.
    pub cost: Cost,
}
