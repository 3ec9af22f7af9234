use bayes_hyperopt::Configuration;
use meta_traits::{Fidelity, Outcome};
use serde::{Deserialize, Serialize};

use super::Settings;

/// The version of the log's format.
pub(super) const FORMAT: u32 = 1;

/// One line of a search's log. What was asked and told stands in the order in which the search saw it; so replaying the
/// log rebuilds the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Record {
    /// The first line.
    Start {
        /// [`FORMAT`].
        format: u32,
        settings: Box<Settings>,
    },
    /// A trial is about to run.
    Asked { trial: u64, parameters: Configuration, fidelity: Fidelity },
    /// A trial ended before one that is to be told earlier.
    Ended { trial: u64, outcome: Outcome },
    /// The search was told; the outcome stands here unless the trial ended earlier.
    Told {
        trial: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
    },
    /// The search took an evaluation it had not asked for.
    Observed { trial: u64, parameters: Configuration, outcome: Outcome },
}
