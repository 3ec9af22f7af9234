use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::genome::{HYPER, TOPOLOGY};

/// What a candidate of the benchmark consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Scenario {
    /// P: three prompts.
    Prompts,
    /// F: three prompts, hyperparameters and topology, each written as text.
    Full,
}

impl Scenario {
    /// Number of components: 3 or 5.
    pub fn components(self) -> usize {
        match self {
            Self::Prompts => 3,
            Self::Full => 5,
        }
    }

    /// The letter used on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompts => "P",
            Self::Full => "F",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Scenario {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scenario> for &'static str {
    fn from(value: Scenario) -> Self {
        value.name()
    }
}

impl FromStr for Scenario {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "P" | "p" => Ok(Self::Prompts),
            "F" | "f" => Ok(Self::Full),
            _ => Err(format!("'{text}' is no scenario; write P (prompts) or F (prompts, numbers, topology)")),
        }
    }
}

/// Which pillar's part of a candidate a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pillar {
    /// The three prompts.
    Prompt,
    /// The hyperparameters.
    HyperOpt,
    /// The topology.
    Topology,
}

impl Pillar {
    /// Every pillar.
    pub const ALL: [Self; 3] = [Self::Prompt, Self::HyperOpt, Self::Topology];

    pub(super) fn of(component: usize) -> Self {
        match component {
            HYPER => Self::HyperOpt,
            TOPOLOGY => Self::Topology,
            _ => Self::Prompt,
        }
    }
}

/// The shape of the hidden problem. No optimizer is told which one it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Family {
    /// Main effects, some pair interactions, one interface between neighbours.
    Base,
    /// One random value a whole prompt: nothing transfers between prompts.
    Unstructured,
    /// Weak main effects, pair and triple interactions.
    Epistasis,
    /// Feedback names the right slot in 30 % of cases.
    Misleading,
    /// Feedback never names a slot on purpose.
    Useless,
    /// Ten training and ten validation examples.
    Tiny,
    /// The seed already scores about 0.8.
    Saturated,
    /// 60 % of the draws are fresh at every repetition.
    Noisy,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 8] = [
        Self::Base,
        Self::Unstructured,
        Self::Epistasis,
        Self::Misleading,
        Self::Useless,
        Self::Tiny,
        Self::Saturated,
        Self::Noisy,
    ];

    /// The lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Unstructured => "unstructured",
            Self::Epistasis => "epistasis",
            Self::Misleading => "misleading",
            Self::Useless => "useless",
            Self::Tiny => "tiny",
            Self::Saturated => "saturated",
            Self::Noisy => "noisy",
        }
    }

    /// The constant in front of every module's value.
    pub(super) fn base(self) -> f64 {
        if self == Self::Saturated { 7.15 } else { 1.0 }
    }

    /// The probability that feedback names the right slot.
    pub(super) fn blame(self) -> f64 {
        match self {
            Self::Misleading => 0.3,
            Self::Useless => 0.0,
            _ => 0.7,
        }
    }

    /// The probability that a draw is fresh.
    pub(super) fn rho(self) -> f64 {
        if self == Self::Noisy { 0.6 } else { 0.0 }
    }

    /// Examples of the training split, and as many of the validation split.
    pub(super) fn examples(self) -> u32 {
        if self == Self::Tiny { 10 } else { 100 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Family {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Family> for &'static str {
    fn from(value: Family) -> Self {
        value.name()
    }
}

impl FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("'{text}' is no family; known are {known}")
        })
    }
}
