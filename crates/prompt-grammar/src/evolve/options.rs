use serde::{Deserialize, Serialize};

use crate::PromptError;

/// Where the next prompts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// From edits of members drawn evenly.
    #[default]
    MuLambda,
    /// From learnt weights, and from crossing members.
    Eda,
}

/// Settings of [`Evolution`](super::Evolution).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvolutionOptions {
    /// Where the next prompts come from.
    pub method: Method,
    /// Prompts kept; at least 1.
    pub members: usize,
    /// New prompts a round; at least 1.
    pub children: usize,
    /// Blocks that the examples are cut into; after each but the last, half of the children goes. At least 1.
    pub blocks: usize,
    /// Share of the children that a reflecting model writes; 0 to 1.
    pub reflections: f64,
    /// Failed training examples a reflection is shown; at least 1.
    pub failures: usize,
    /// How often a child gets a second edit; 0 to 1.
    pub second_edit: f64,
    /// How fast weights follow the members; 0 to 1.
    pub rate: f64,
    /// Share of weights that is always spread evenly; 0 to 1.
    pub floor: f64,
}

impl Default for EvolutionOptions {
    fn default() -> Self {
        Self::mu_lambda()
    }
}

impl EvolutionOptions {
    /// The (5 + 10) strategy.
    pub fn mu_lambda() -> Self {
        Self {
            method: Method::MuLambda,
            members: 5,
            children: 10,
            blocks: 1,
            reflections: 0.0,
            failures: 3,
            second_edit: 0.3,
            rate: 0.3,
            floor: 0.06,
        }
    }

    /// Weights learnt from the best eight, twelve children a round that race in four blocks.
    pub fn eda() -> Self {
        Self { method: Method::Eda, members: 8, children: 12, blocks: 4, ..Self::mu_lambda() }
    }

    pub(super) fn check(&self) -> Result<(), PromptError> {
        let counts = [
            ("members", self.members),
            ("children", self.children),
            ("blocks", self.blocks),
            ("failures", self.failures),
        ];
        if let Some((field, value)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(PromptError::range(field, value, "at least 1"));
        }
        let shares = [
            ("reflections", self.reflections),
            ("second_edit", self.second_edit),
            ("rate", self.rate),
            ("floor", self.floor),
        ];
        match shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            Some((field, value)) => Err(PromptError::range(field, value, "0 to 1")),
            None => Ok(()),
        }
    }
}
