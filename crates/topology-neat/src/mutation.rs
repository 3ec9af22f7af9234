use serde::{Deserialize, Serialize};

/// The ways in which the structure of a system may change.
///
/// The written form is the name in snake case.
///
/// ```
/// use topology_neat::{MutationKind, TopologyConfig};
/// let usual = TopologyConfig::default().mutation_types;
/// assert!(usual.contains(&MutationKind::Reconnect));
/// assert!(!usual.contains(&MutationKind::ParameterMutation));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MutationKind {
    /// A module of the library is put in.
    AddModule,
    /// A module is taken out.
    RemoveModule,
    /// A module reads from others than before.
    Reconnect,
    /// The flow changes: sequence, branch, vote, loop.
    ControlFlow,
    /// The parameters of a module change.
    ParameterMutation,
}

impl MutationKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::AddModule, Self::RemoveModule, Self::Reconnect, Self::ControlFlow, Self::ParameterMutation];

    /// The written form.
    pub fn name(self) -> &'static str {
        match self {
            Self::AddModule => "add_module",
            Self::RemoveModule => "remove_module",
            Self::Reconnect => "reconnect",
            Self::ControlFlow => "control_flow",
            Self::ParameterMutation => "parameter_mutation",
        }
    }
}

/// Names of the modules that [`MutationKind::AddModule`] puts in.
pub const MODULE_LIBRARY: [&str; 5] = ["analyzer", "classifier", "summarizer", "validator", "enhancer"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_written_form() {
        for kind in MutationKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }
}
