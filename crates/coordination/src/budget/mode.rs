use serde::{Deserialize, Serialize};

use super::Shares;

/// What a run is after; decides the shares of its budget.
///
/// ```
/// use coordination::Component;
/// use coordination::budget::OptimizationMode;
/// assert_eq!(OptimizationMode::Exploration.shares().of(Component::Topology), 0.4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizationMode {
    /// New structures above all.
    Exploration,
    /// Tuning what is there.
    Exploitation,
    /// A bit of everything.
    #[default]
    Balanced,
    /// Few changes to structure.
    Conservative,
    /// Structure first, and much of the rest.
    Aggressive,
}

impl OptimizationMode {
    /// Every mode.
    pub const ALL: [Self; 5] =
        [Self::Exploration, Self::Exploitation, Self::Balanced, Self::Conservative, Self::Aggressive];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exploration => "exploration",
            Self::Exploitation => "exploitation",
            Self::Balanced => "balanced",
            Self::Conservative => "conservative",
            Self::Aggressive => "aggressive",
        }
    }

    /// Selector, topology, hyperparameters, prompts: 30/40/20/10, 40/10/40/10, 30/25/30/15, 35/15/35/15 and 25/35/25/15 percent
    /// in the order of [`OptimizationMode::ALL`].
    pub const fn shares(self) -> Shares {
        Shares::percent(match self {
            Self::Exploration => [30, 40, 20, 10],
            Self::Exploitation => [40, 10, 40, 10],
            Self::Balanced => [30, 25, 30, 15],
            Self::Conservative => [35, 15, 35, 15],
            Self::Aggressive => [25, 35, 25, 15],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_documented_ones() {
        let documented =
            [[30, 40, 20, 10], [40, 10, 40, 10], [30, 25, 30, 15], [35, 15, 35, 15], [25, 35, 25, 15]];
        assert_eq!(OptimizationMode::ALL.map(OptimizationMode::shares), documented.map(Shares::percent));
    }

    #[test]
    fn names_are_the_written_form() {
        for mode in OptimizationMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
    }

    #[test]
    fn shares_sum_to_one_and_differ() {
        for (i, mode) in OptimizationMode::ALL.into_iter().enumerate() {
            let sum: f64 = <[f64; 4]>::from(mode.shares()).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "{mode:?}");
            assert!(OptimizationMode::ALL[..i].iter().all(|other| other.shares() != mode.shares()));
        }
        assert_eq!(serde_json::to_string(&OptimizationMode::default()).unwrap(), "\"balanced\"");
    }
}
