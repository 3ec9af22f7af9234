use std::path::Path;
use std::time::Duration;

use bayes_hyperopt::SearchSpace;
use bayes_hyperopt::transfer::Experience;
use meta_traits::Fidelity;
use orchestrator_core::config::{ConfigError, from_text};
use serde::{Deserialize, Serialize};

use super::Algorithm;

/// Everything that decides which points a search suggests and what they are tried with: the start of its log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) algorithm: Algorithm,
    pub(crate) seed: u64,
    /// Trials to run; absent where others drive the search. May be raised later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evals: Option<u64>,
    pub(crate) parallel: usize,
    pub(crate) maximize: bool,
    pub(crate) stdin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Duration>,
    pub(crate) failure_limit: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fidelities: Vec<Fidelity>,
    pub(crate) eta: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost_budget: Option<f64>,
    /// Losses a trial.
    pub(crate) objectives: usize,
    /// The regret that is good enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop_regret: Option<f64>,
    pub(crate) resolution: usize,
    /// Trials of earlier studies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) imports: Vec<Experience>,
    pub(crate) command: Vec<String>,
    pub(crate) space: SearchSpace,
}

impl Settings {
    /// What differs from settings that a log began with, apart from when the search ends.
    pub(crate) fn change(&self, began: &Self) -> Option<&'static str> {
        let changes = [
            (self.space != began.space, "the search space"),
            (self.command != began.command, "the command"),
            (self.algorithm != began.algorithm, "--algorithm"),
            (self.seed != began.seed, "--seed"),
            (self.parallel != began.parallel, "--parallel"),
            (self.imports != began.imports, "--import or the files it names"),
            (self.fidelities != began.fidelities || self.eta != began.eta, "--fidelities or --eta"),
            (
                Self { evals: began.evals, stop_regret: began.stop_regret, ..self.clone() } != *began,
                "an option",
            ),
        ];
        changes.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// Reads a search space from a YAML or JSON file.
pub(crate) fn read_space(path: &Path) -> Result<SearchSpace, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    from_text(&text, &path.display().to_string())
}
