use serde::{Deserialize, Serialize};

use crate::Component;

/// The names of all ways to work cheaper, as reports and files have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approximation {
    /// The selector explores less.
    ReducedExploration,
    /// The selector takes what looks best.
    GreedySelection,
    /// Topology makes few changes.
    LimitedMutations,
    /// Topology makes none.
    SkipEvolution,
    /// Hyperparameters are searched for a shorter time.
    ReducedIterations,
    /// Hyperparameters stay at their defaults.
    DefaultParams,
    /// Prompts change by the simplest edits.
    SimpleMutations,
}

/// How the selector is to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorDirective {
    /// As configured.
    #[default]
    Full,
    /// Exploring half as much.
    ReducedExploration,
    /// Taking what looks best.
    GreedySelection,
}

impl SelectorDirective {
    /// The exploration (epsilon, temperature, bonus) to use where `configured` was asked for.
    ///
    /// ```
    /// use coordination::approx::SelectorDirective::{Full, GreedySelection, ReducedExploration};
    /// assert_eq!([Full, ReducedExploration, GreedySelection].map(|d| d.exploration(0.2)), [0.2, 0.1, 0.0]);
    /// ```
    pub fn exploration(self, configured: f64) -> f64 {
        match self {
            Self::Full => configured,
            Self::ReducedExploration => configured * 0.5,
            Self::GreedySelection => 0.0,
        }
    }
}

/// How structure is to be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopologyDirective {
    /// As configured.
    #[default]
    Full,
    /// With one change a candidate, and a quarter as many candidates.
    LimitedMutations,
    /// Not at all.
    SkipEvolution,
}

impl TopologyDirective {
    /// How many candidates to make where `configured` were asked for.
    pub fn candidates(self, configured: u32) -> u32 {
        match self {
            Self::Full => configured,
            Self::LimitedMutations => configured.div_ceil(4),
            Self::SkipEvolution => 0,
        }
    }

    /// How many changes a candidate may take where `configured` were allowed.
    ///
    /// ```
    /// use coordination::approx::TopologyDirective::{Full, LimitedMutations, SkipEvolution};
    /// assert_eq!([Full, LimitedMutations, SkipEvolution].map(|d| d.changes(3)), [3, 1, 0]);
    /// ```
    pub fn changes(self, configured: u32) -> u32 {
        match self {
            Self::Full => configured,
            Self::LimitedMutations => configured.min(1),
            Self::SkipEvolution => 0,
        }
    }
}

/// How hyperparameters are to be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HyperoptDirective {
    /// As configured.
    #[default]
    Full,
    /// With half as many trials.
    ReducedIterations,
    /// Not at all: the defaults.
    DefaultParams,
}

impl HyperoptDirective {
    /// How many trials to make where `configured` were asked for.
    ///
    /// ```
    /// use coordination::approx::HyperoptDirective::{DefaultParams, Full, ReducedIterations};
    /// assert_eq!([Full, ReducedIterations, DefaultParams].map(|d| d.trials(9)), [9, 5, 0]);
    /// ```
    pub fn trials(self, configured: u32) -> u32 {
        match self {
            Self::Full => configured,
            Self::ReducedIterations => configured.div_ceil(2),
            Self::DefaultParams => 0,
        }
    }
}

/// How prompts are to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptDirective {
    /// As configured.
    #[default]
    Full,
    /// By edits that need no model: no reflection, one place at a time.
    SimpleMutations,
}

impl PromptDirective {
    /// Whether a model may be asked to write.
    pub fn may_reflect(self) -> bool {
        self == Self::Full
    }

    /// How many places an edit may change where `configured` were allowed.
    ///
    /// ```
    /// use coordination::approx::PromptDirective::{Full, SimpleMutations};
    /// assert_eq!([Full, SimpleMutations].map(|d| d.edits(4)), [4, 1]);
    /// ```
    pub fn edits(self, configured: u32) -> u32 {
        if self == Self::Full { configured } else { configured.min(1) }
    }
}

/// What every component is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Directives {
    /// The selector.
    pub selector: SelectorDirective,
    /// Topology.
    pub topology: TopologyDirective,
    /// Hyperparameters.
    pub hyperopt: HyperoptDirective,
    /// Prompts.
    pub prompt: PromptDirective,
}

impl Directives {
    /// Of rungs down the ladder by component: 0 is full work, more than there are counts as the last.
    pub(super) fn of(rungs: [u8; 4]) -> Self {
        Self {
            selector: match rungs[0] {
                0 => SelectorDirective::Full,
                1 => SelectorDirective::ReducedExploration,
                _ => SelectorDirective::GreedySelection,
            },
            topology: match rungs[1] {
                0 => TopologyDirective::Full,
                1 => TopologyDirective::LimitedMutations,
                _ => TopologyDirective::SkipEvolution,
            },
            hyperopt: match rungs[2] {
                0 => HyperoptDirective::Full,
                1 => HyperoptDirective::ReducedIterations,
                _ => HyperoptDirective::DefaultParams,
            },
            prompt: if rungs[3] == 0 { PromptDirective::Full } else { PromptDirective::SimpleMutations },
        }
    }

    /// What is in force, by component; nothing for those that work in full.
    pub fn in_force(&self) -> Vec<(Component, Approximation)> {
        let selector = match self.selector {
            SelectorDirective::Full => None,
            SelectorDirective::ReducedExploration => Some(Approximation::ReducedExploration),
            SelectorDirective::GreedySelection => Some(Approximation::GreedySelection),
        };
        let topology = match self.topology {
            TopologyDirective::Full => None,
            TopologyDirective::LimitedMutations => Some(Approximation::LimitedMutations),
            TopologyDirective::SkipEvolution => Some(Approximation::SkipEvolution),
        };
        let hyperopt = match self.hyperopt {
            HyperoptDirective::Full => None,
            HyperoptDirective::ReducedIterations => Some(Approximation::ReducedIterations),
            HyperoptDirective::DefaultParams => Some(Approximation::DefaultParams),
        };
        let prompt = match self.prompt {
            PromptDirective::Full => None,
            PromptDirective::SimpleMutations => Some(Approximation::SimpleMutations),
        };
        let all = [selector, topology, hyperopt, prompt];
        Component::ALL.into_iter().zip(all).filter_map(|(c, a)| Some((c, a?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_and_names() {
        assert_eq!(Directives::of([0; 4]), Directives::default());
        assert!(Directives::default().in_force().is_empty());
        let names = |rungs| serde_json::to_string(&Directives::of(rungs).in_force()).unwrap();
        assert_eq!(
            names([1; 4]),
            r#"[["selector","reduced_exploration"],["topology","limited_mutations"],"#.to_owned()
                + r#"["hyperopt","reduced_iterations"],["prompt","simple_mutations"]]"#
        );
        assert_eq!(
            names([2, 2, 2, 9]),
            r#"[["selector","greedy_selection"],["topology","skip_evolution"],"#.to_owned()
                + r#"["hyperopt","default_params"],["prompt","simple_mutations"]]"#
        );
        assert_eq!(names([0, 0, 2, 0]), r#"[["hyperopt","default_params"]]"#);
    }

    #[test]
    fn directives_never_ask_for_more_than_was_configured() {
        for configured in [0, 1, 2, 7, u32::MAX] {
            for d in [
                TopologyDirective::Full,
                TopologyDirective::LimitedMutations,
                TopologyDirective::SkipEvolution,
            ] {
                assert!(d.candidates(configured) <= configured && d.changes(configured) <= configured);
            }
            assert!(HyperoptDirective::ReducedIterations.trials(configured) <= configured);
            assert!(PromptDirective::SimpleMutations.edits(configured) <= configured);
        }
        assert_eq!(TopologyDirective::LimitedMutations.candidates(9), 3);
        assert!(PromptDirective::Full.may_reflect() && !PromptDirective::SimpleMutations.may_reflect());
    }
}
