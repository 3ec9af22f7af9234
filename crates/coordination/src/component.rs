use std::fmt;

use serde::{Deserialize, Serialize};

/// The parts of a run that spend its budget.
///
/// ```
/// use coordination::Component;
/// assert_eq!(Component::ALL.map(Component::name), ["selector", "topology", "hyperopt", "prompt"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Which algorithm next.
    Selector,
    /// Which structure.
    Topology,
    /// Which numbers.
    Hyperopt,
    /// Which words.
    Prompt,
}

impl Component {
    /// Every component.
    pub const ALL: [Self; 4] = [Self::Selector, Self::Topology, Self::Hyperopt, Self::Prompt];

    /// Its name in plans, updates and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Selector => "selector",
            Self::Topology => "topology",
            Self::Hyperopt => "hyperopt",
            Self::Prompt => "prompt",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
