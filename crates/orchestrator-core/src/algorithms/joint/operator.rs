use coordination::Component;
use serde::{Deserialize, Serialize};

/// How a system is proposed from what is known: the six algorithms, and two of one pillar alone.
///
/// ```
/// use orchestrator_core::algorithms::joint::Operator;
/// assert_eq!(Operator::ALL.len(), 8);
/// assert_eq!(Operator::StructuralMutation.component().name(), "topology");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// A text written this round for the component to blame, in the system that it was written for.
    ReflectiveMutation,
    /// The best system under a draw of the posterior (Thompson), searched from the leader.
    ParetoSampling,
    /// Of every component the text, and the lines, that are best by expectation: an n-way merge.
    SystemAwareMerge,
    /// Another structure for the leader, the best under a draw.
    StructuralMutation,
    /// Two systems' lines mixed.
    Crossover,
    /// The leader with one line changed, whatever is believed.
    RandomSearch,
    /// Other numbers for the leader, the best under a draw.
    Numbers,
    /// Other words for the leader's prompts, the best under a draw.
    Words,
}

impl Operator {
    /// All of them: the six in the order of the selector's arms, then those of one pillar.
    pub const ALL: [Self; 8] = [
        Self::ReflectiveMutation,
        Self::ParetoSampling,
        Self::SystemAwareMerge,
        Self::StructuralMutation,
        Self::Crossover,
        Self::RandomSearch,
        Self::Numbers,
        Self::Words,
    ];

    /// The name in files and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReflectiveMutation => "reflective_mutation",
            Self::ParetoSampling => "pareto_sampling",
            Self::SystemAwareMerge => "system_aware_merge",
            Self::StructuralMutation => "structural_mutation",
            Self::Crossover => "crossover",
            Self::RandomSearch => "random_search",
            Self::Numbers => "numbers",
            Self::Words => "words",
        }
    }

    /// Whose part of the budget its metric calls are charged to.
    pub fn component(self) -> Component {
        match self {
            Self::StructuralMutation => Component::Topology,
            Self::Numbers => Component::Hyperopt,
            Self::Words => Component::Prompt,
            _ => Component::Selector,
        }
    }
}
