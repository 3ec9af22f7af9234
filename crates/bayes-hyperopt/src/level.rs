use meta_traits::Fidelity;
use serde::{Deserialize, Serialize};

/// The three fidelities users name: how much of a full evaluation is spent.
///
/// ```
/// use bayes_hyperopt::FidelityLevel;
/// let shares: Vec<f64> = FidelityLevel::ALL.iter().map(|level| level.fidelity().get()).collect();
/// assert_eq!(shares, [0.1, 0.5, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FidelityLevel {
    /// A tenth.
    Low,
    /// A half.
    Medium,
    /// All of it.
    High,
}

impl FidelityLevel {
    /// Every level, cheapest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The share of a full evaluation.
    pub fn fidelity(self) -> Fidelity {
        match self {
            Self::Low => const { share(0.1) },
            Self::Medium => const { share(0.5) },
            Self::High => Fidelity::FULL,
        }
    }
}

/// Checked when the program is compiled.
const fn share(value: f64) -> Fidelity {
    match Fidelity::new(value) {
        Ok(fidelity) => fidelity,
        Err(_) => panic!("a share of an evaluation lies above 0 and up to 1"),
    }
}
