use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The optimisation algorithms a selector chooses among, in the order of their arms.
///
/// The written form is the name in snake case. Names and order are part of the format of stored experience.
///
/// ```
/// use rl_selector::Algorithm;
/// assert_eq!(Algorithm::ALL[2], Algorithm::SystemAwareMerge);
/// assert_eq!("crossover".parse::<Algorithm>()?.arm(), 4);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// A text is rewritten in the light of what went wrong with it.
    ReflectiveMutation,
    /// A candidate is drawn from the front of those that are best on some example.
    ParetoSampling,
    /// Two candidates of common descent are joined, module by module.
    SystemAwareMerge,
    /// The structure of a prompt or of the system is changed.
    StructuralMutation,
    /// Parts of two candidates are exchanged.
    Crossover,
    /// A candidate is drawn afresh.
    RandomSearch,
}

impl Algorithm {
    /// Every algorithm, in the order of the arms.
    pub const ALL: [Self; 6] = [
        Self::ReflectiveMutation,
        Self::ParetoSampling,
        Self::SystemAwareMerge,
        Self::StructuralMutation,
        Self::Crossover,
        Self::RandomSearch,
    ];

    /// The position in [`Self::ALL`]: the index of the arm.
    pub fn arm(self) -> usize {
        self as usize
    }

    /// The written form.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReflectiveMutation => "reflective_mutation",
            Self::ParetoSampling => "pareto_sampling",
            Self::SystemAwareMerge => "system_aware_merge",
            Self::StructuralMutation => "structural_mutation",
            Self::Crossover => "crossover",
            Self::RandomSearch => "random_search",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|a| a.name()).collect();
            format!("'{text}' is no algorithm; allowed: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_order_and_arms_are_fixed() {
        let expected = [
            "reflective_mutation",
            "pareto_sampling",
            "system_aware_merge",
            "structural_mutation",
            "crossover",
            "random_search",
        ];
        for (arm, (algorithm, name)) in Algorithm::ALL.into_iter().zip(expected).enumerate() {
            assert_eq!(
                (algorithm.arm(), algorithm.name(), algorithm.to_string().as_str()),
                (arm, name, name)
            );
            assert_eq!(name.parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Algorithm>(&format!("\"{name}\"")).unwrap(), algorithm);
        }
    }

    #[test]
    fn other_names_are_refused_with_the_list() {
        let message = "gradient".parse::<Algorithm>().unwrap_err();
        assert!(
            message.starts_with("'gradient' is no algorithm; allowed: reflective_mutation, "),
            "{message}"
        );
        assert!(serde_json::from_str::<Algorithm>("\"gradient\"").is_err());
    }
}
