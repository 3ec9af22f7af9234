use meta_traits::{Classify, ErrorKind, Selector};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Episode, Simulation as _};

/// How the best loss of a run is scored; lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Yardstick {
    /// The loss itself.
    Loss,
    /// log10 of the distance from the known optimum, floored.
    LogGap {
        /// The least loss there is.
        optimum: f64,
        /// Distances below this count as this; above 0.
        floor: f64,
    },
}

impl Yardstick {
    /// The score of a best loss.
    pub fn score(self, best: f64) -> f64 {
        match self {
            Self::Loss => best,
            Self::LogGap { optimum, floor } => (best - optimum).max(floor).log10(),
        }
    }
}

/// The traces of every algorithm on one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What is solved; cases of one name are never split between training and test by problem.
    pub problem: String,
    /// Which instance of it.
    pub instance: u64,
    /// How runs are scored.
    pub yardstick: Yardstick,
    /// For each arm the losses it sees alone, in order.
    pub traces: Vec<Vec<f64>>,
}

/// Traces of algorithms on problems, and the rules of spending: a plain value.
///
/// ```
/// use rl_selector::simulator::{Case, Replay, Yardstick};
/// let case = Case {
///     problem: "parabola".into(),
///     instance: 1,
///     yardstick: Yardstick::Loss,
///     traces: vec![vec![4.0, 3.0, 2.0, 1.0], vec![3.5, 3.5, 3.5, 3.5]],
/// };
/// let replay = Replay::new(4, 2, vec![case])?;
/// assert_eq!(replay.alone(0), [1.0, 3.5]);
/// # Ok::<(), rl_selector::simulator::SimulatorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Replay {
    budget: usize,
    block: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Raw {
    budget: usize,
    block: usize,
    cases: Vec<Case>,
}

impl TryFrom<Raw> for Replay {
    type Error = SimulatorError;
    fn try_from(raw: Raw) -> Result<Self, SimulatorError> {
        Self::new(raw.budget, raw.block, raw.cases)
    }
}

/// How one episode went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Played {
    /// The final score by the case's yardstick.
    pub score: f64,
    /// The best loss after each evaluation.
    pub best: Vec<f64>,
    /// The arm of each block.
    pub arms: Vec<usize>,
}

/// Traces that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// No budget or no block.
    #[error("replay: budget = {budget}, block = {block}; allowed: 1 <= block <= budget")]
    Budget {
        /// The budget given.
        budget: usize,
        /// The block given.
        block: usize,
    },
    /// A case has another number of arms than the first, or none.
    #[error("replay: case {case} has {found} traces; allowed: {expected} as the first case, at least 1")]
    Arms {
        /// Index of the case.
        case: usize,
        /// Traces found.
        found: usize,
        /// Traces of the first case.
        expected: usize,
    },
    /// A trace is shorter than the budget.
    #[error("replay: case {case}, arm {arm} has {found} losses; record at least the budget of {budget}")]
    Short {
        /// Index of the case.
        case: usize,
        /// Index of the arm.
        arm: usize,
        /// Losses found.
        found: usize,
        /// Losses needed.
        budget: usize,
    },
}

impl Classify for SimulatorError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}

impl Replay {
    /// Runs of `budget` evaluations, decided on every `block` evaluations.
    ///
    /// # Errors
    /// [`SimulatorError`] when the block is 0 or above the budget, the number of arms differs, or a trace is too short.
    pub fn new(budget: usize, block: usize, cases: Vec<Case>) -> Result<Self, SimulatorError> {
        if block == 0 || block > budget {
            return Err(SimulatorError::Budget { budget, block });
        }
        let expected = cases.first().map_or(1, |case| case.traces.len()).max(1);
        for (index, case) in cases.iter().enumerate() {
            if case.traces.len() != expected {
                return Err(SimulatorError::Arms { case: index, found: case.traces.len(), expected });
            }
            if let Some((arm, short)) = case.traces.iter().enumerate().find(|(_, t)| t.len() < budget) {
                return Err(SimulatorError::Short { case: index, arm, found: short.len(), budget });
            }
        }
        Ok(Self { budget, block, cases })
    }

    /// Evaluations of a run.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Evaluations between decisions.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The cases in order.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The number of arms; 0 without cases.
    pub fn arms(&self) -> usize {
        self.cases.first().map_or(0, |case| case.traces.len())
    }

    /// The final score of each arm alone on a case.
    ///
    /// # Panics
    /// When there is no such case.
    pub fn alone(&self, case: usize) -> Vec<f64> {
        Episode::new(self, case).commit()
    }

    /// Lets `selector` spend the budget on a case. Its context is the features of the run's [`crate::History`], its
    /// reward the size of the incumbent's improvement in [0, 1]; the last reward comes without a next context. A
    /// selector that makes no choice is given arm 0.
    ///
    /// # Panics
    /// When there is no such case.
    pub fn play<S: Selector<Context = [f64]> + ?Sized>(&self, case: usize, selector: &mut S) -> Played {
        let mut episode = Episode::new(self, case);
        let allowed = vec![true; self.arms()];
        let mut arms = Vec::new();
        let mut context = episode.history().features();
        while !episode.done() {
            let choice = selector.select(&context, &allowed);
            let arm = choice.map_or(0, |c| c.arm);
            let reward = episode.step(arm);
            arms.push(arm);
            context = episode.history().features();
            if let Some(choice) = choice {
                let next = (!episode.done()).then_some(context.as_slice());
                let taken = selector.reward(choice.id, reward, next);
                debug_assert!(taken.is_ok(), "a selector takes the reward of its own choice");
            }
        }
        Played { score: episode.score(), best: episode.best_so_far().to_vec(), arms }
    }
}
