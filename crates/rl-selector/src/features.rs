//! The state a selector sees: thirteen numbers, in this order. [`Encoder`] makes them and says how.

use serde::{Deserialize, Serialize};

mod encoder;

pub use encoder::{Encoder, Situation, drop_task};

/// Best score so far.
pub const BEST_SCORE: usize = 0;
/// Improvement of the best score per round, over the latest rounds.
pub const IMPROVEMENT_VELOCITY: usize = 1;
/// Budget left over budget at the start, in [0, 1].
pub const BUDGET_LEFT: usize = 2;
/// Complexity of the present system.
pub const COMPLEXITY: usize = 3;
/// Number of examples, against 1000.
pub const DATA_SIZE: usize = 4;
/// Complexity of the expected outputs.
pub const OUTPUT_COMPLEXITY: usize = 5;
/// Recent rounds that improved.
pub const RECENT_IMPROVEMENTS: usize = 6;
/// Rounds without improvement over 10.
pub const STAGNATION: usize = 7;
/// Number of the round, against 100.
pub const GENERATION: usize = 8;
/// The first of four entries of which one is 1: the task is [`TaskType::ALL`] at its offset.
pub const TASK: usize = 9;

/// Names of the features, by position.
///
/// ```
/// use rl_selector::features::{NAMES, TASK};
/// assert_eq!(NAMES.len(), 13);
/// assert_eq!(NAMES[TASK + 3], "task_qa");
/// ```
pub const NAMES: [&str; 13] = [
    "best_score",
    "improvement_velocity",
    "budget_left",
    "complexity",
    "data_size",
    "output_complexity",
    "recent_improvements",
    "stagnation",
    "generation",
    "task_general",
    "task_code_generation",
    "task_summarization",
    "task_qa",
];

/// What a system is for, as far as the state tells tasks apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// None of the others.
    #[default]
    General,
    /// Writing programs.
    CodeGeneration,
    /// Shortening texts.
    Summarization,
    /// Answering questions.
    Qa,
}

impl TaskType {
    /// Every task, in the order of their features.
    pub const ALL: [Self; 4] = [Self::General, Self::CodeGeneration, Self::Summarization, Self::Qa];

    /// The position of the feature that is 1 for this task.
    pub fn feature(self) -> usize {
        TASK + self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_names_agree() {
        let positions = [
            (BEST_SCORE, "best_score"),
            (IMPROVEMENT_VELOCITY, "improvement_velocity"),
            (BUDGET_LEFT, "budget_left"),
            (COMPLEXITY, "complexity"),
            (DATA_SIZE, "data_size"),
            (OUTPUT_COMPLEXITY, "output_complexity"),
            (RECENT_IMPROVEMENTS, "recent_improvements"),
            (STAGNATION, "stagnation"),
            (GENERATION, "generation"),
        ];
        for (expected, (position, name)) in positions.into_iter().enumerate() {
            assert_eq!((position, NAMES[position]), (expected, name));
        }
        for task in TaskType::ALL {
            let name = serde_json::to_string(&task).unwrap();
            assert_eq!(NAMES[task.feature()], format!("task_{}", name.trim_matches('"')));
        }
        assert_eq!(crate::RLConfig::default().state_dim, NAMES.len());
    }
}
