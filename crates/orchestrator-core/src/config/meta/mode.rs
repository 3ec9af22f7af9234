use serde::{Deserialize, Serialize};

/// What the search is after; decides how much each pillar may spend.
///
/// ```
/// use orchestrator_core::config::meta::OptimizationMode;
/// let shares = OptimizationMode::Exploration.resource_allocation();
/// assert_eq!((shares.rl, shares.topology, shares.hyperopt, shares.prompt), (30, 40, 20, 10));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizationMode {
    /// New solutions and structures.
    Exploration,
    /// Better versions of what is good already.
    Exploitation,
    /// Both.
    #[default]
    Balanced,
    /// Small, safe steps at little expense.
    Conservative,
    /// As much improvement as the machine gives.
    Aggressive,
}

impl OptimizationMode {
    /// Every mode.
    pub const ALL: [Self; 5] =
        [Self::Exploration, Self::Exploitation, Self::Balanced, Self::Conservative, Self::Aggressive];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exploration => "exploration",
            Self::Exploitation => "exploitation",
            Self::Balanced => "balanced",
            Self::Conservative => "conservative",
            Self::Aggressive => "aggressive",
        }
    }

    /// The shares of the budget that the pillars are meant to get.
    pub fn resource_allocation(self) -> ResourceAllocation {
        let (rl, topology, hyperopt, prompt) = match self {
            Self::Exploration => (30, 40, 20, 10),
            Self::Exploitation => (40, 10, 40, 10),
            Self::Balanced => (30, 25, 30, 15),
            Self::Conservative => (35, 15, 35, 15),
            Self::Aggressive => (25, 35, 25, 15),
        };
        ResourceAllocation { rl, topology, hyperopt, prompt }
    }
}

/// Shares of the budget in percent; they sum to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceAllocation {
    /// Algorithm selection: everything the selector's own algorithms spend.
    pub rl: u8,
    /// Search over structures.
    pub topology: u8,
    /// Search over numbers.
    pub hyperopt: u8,
    /// Search over the structure of prompts.
    pub prompt: u8,
}

impl ResourceAllocation {
    /// A quarter for each.
    pub const EQUAL: Self = Self { rl: 25, topology: 25, hyperopt: 25, prompt: 25 };

    /// The shares with the names of their sections.
    pub fn shares(self) -> [(&'static str, u8); 4] {
        [("rl", self.rl), ("topology", self.topology), ("hyperopt", self.hyperopt), ("prompt", self.prompt)]
    }
}

/// How far spending may leave the shares of the mode, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetAllocationStrategy {
    /// Not at all.
    Fixed,
    /// Towards what has brought most lately.
    #[default]
    Dynamic,
    /// Towards what is predicted to bring most.
    Adaptive,
    /// Towards what has the highest priority.
    Priority,
}

impl BudgetAllocationStrategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Fixed, Self::Dynamic, Self::Adaptive, Self::Priority];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Dynamic => "dynamic",
            Self::Adaptive => "adaptive",
            Self::Priority => "priority",
        }
    }

    /// Percentage points by which a pillar's spending may differ from its share.
    pub fn slack(self) -> u8 {
        match self {
            Self::Fixed => 5,
            Self::Dynamic | Self::Adaptive | Self::Priority => 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_documented_ones() {
        let shares = OptimizationMode::ALL.map(|mode| mode.resource_allocation().shares().map(|(_, n)| n));
        let documented =
            [[30, 40, 20, 10], [40, 10, 40, 10], [30, 25, 30, 15], [35, 15, 35, 15], [25, 35, 25, 15]];
        assert_eq!(shares, documented);
        for shares in documented.into_iter().chain([ResourceAllocation::EQUAL.shares().map(|(_, n)| n)]) {
            assert_eq!(shares.iter().sum::<u8>(), 100);
        }
    }

    #[test]
    fn names_are_the_written_form() {
        for mode in OptimizationMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        for strategy in BudgetAllocationStrategy::ALL {
            assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.name());
        }
    }
}
