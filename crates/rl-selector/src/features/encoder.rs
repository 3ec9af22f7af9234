use std::collections::VecDeque;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{
    BEST_SCORE, BUDGET_LEFT, COMPLEXITY, DATA_SIZE, GENERATION, IMPROVEMENT_VELOCITY, NAMES,
    OUTPUT_COMPLEXITY, RECENT_IMPROVEMENTS, STAGNATION, TaskType,
};

/// Rounds that count as recent.
const RECENT: usize = 5;
/// Numbers each arm gives.
const OF_ARM: usize = 6;
/// Share of a run's decayed reward that one more round replaces.
const DECAY: f64 = 0.4;

/// What is known about a run when an algorithm is to be chosen, beside what its rounds brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    /// Budget left over budget at the start.
    pub budget_left: f64,
    /// Complexity of the present system, in any unit.
    pub complexity: f64,
    /// Number of examples.
    pub examples: usize,
    /// Complexity of the expected outputs, in [0, 1].
    pub output_complexity: f64,
    /// What the system is for; `None` is a task of no known kind.
    pub task: Option<TaskType>,
}

/// Turns the rounds of a run into the state a selector sees.
///
/// No feature depends on where the scores' scale begins or how long its unit is: adding a number to every score or
/// multiplying all by a positive one changes nothing, so that what is learnt with one metric holds with another. All
/// features lie in [0, 1]:
///
/// | feature | value |
/// |---|---|
/// | `best_score` | gain since the first round over the range of all scores: (best - first) / (best - worst); 0 while all are equal |
/// | `improvement_velocity` | share of that gain made in the latest 5 rounds |
/// | `budget_left` | as given, cut to [0, 1] |
/// | `complexity` | complexity c against that of the first round, c0: c / (c + c0), so 0.5 at the start |
/// | `data_size` | n / (n + 1000) for n examples |
/// | `output_complexity` | as given, cut to [0, 1] |
/// | `recent_improvements` | share of the latest 5 rounds that improved the best score |
/// | `stagnation` | rounds since the last improvement / 10, at most 1 |
/// | `generation` | g / (g + 100) for g rounds |
/// | `task_*` | 1 for the task; all 0 for an unknown one |
///
/// With [`Self::with_history`] six numbers an arm follow, in the order of the arms, which say what was tried and what
/// it brought (the thirteen alone do not make the choice a Markov decision):
///
/// | feature | value |
/// |---|---|
/// | `arm_K_share` | share of all rounds |
/// | `arm_K_reward` | decayed reward: after each of its rounds 0.6 of the old and 0.4 of the new |
/// | `arm_K_last` | reward of its last round |
/// | `arm_K_stall` | its rounds since it last improved the best score / 10, at most 1 |
/// | `arm_K_rank` | share of the arms tried whose own best score is lower; 0 untried |
/// | `arm_K_was_last` | 1 if it ran last |
///
/// A round's reward here is its improvement of the best score as a share of (best - worst) after it.
///
/// ```
/// use rl_selector::features::{BEST_SCORE, Encoder, NAMES, STAGNATION, Situation};
/// let mut encoder = Encoder::new(6).with_history();
/// for (arm, score) in [(0, 0.2), (3, 0.5), (3, 0.4)] {
///     encoder.observe(arm, score);
/// }
/// let state = encoder.encode(&Situation { budget_left: 0.7, ..Situation::default() });
/// assert_eq!(state.len(), NAMES.len() + 36);
/// assert_eq!((state[BEST_SCORE], state[STAGNATION]), (1.0, 0.1));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    history: bool,
    rounds: u64,
    first: f64,
    worst: f64,
    /// Best score after each of the latest rounds, and the one before them.
    recent: VecDeque<f64>,
    improved: VecDeque<bool>,
    stagnation: u64,
    first_complexity: Option<f64>,
    last: Option<usize>,
    arms: Vec<Arm>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Arm {
    rounds: u64,
    reward: f64,
    last: f64,
    stall: u64,
    best: Option<f64>,
}

impl Encoder {
    /// For a run that has not begun, with so many arms; the thirteen features alone.
    pub fn new(arms: usize) -> Self {
        Self {
            history: false,
            rounds: 0,
            first: 0.0,
            worst: 0.0,
            recent: VecDeque::new(),
            improved: VecDeque::new(),
            stagnation: 0,
            first_complexity: None,
            last: None,
            arms: vec![Arm::default(); arms],
        }
    }

    /// Adds six numbers for each arm.
    #[must_use]
    pub fn with_history(mut self) -> Self {
        self.history = true;
        self
    }

    /// The number of features: the `state_dim` that belongs to this encoder.
    pub fn width(&self) -> usize {
        NAMES.len() + if self.history { OF_ARM * self.arms.len() } else { 0 }
    }

    /// The names of the features, by position.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
        if self.history {
            for arm in 0..self.arms.len() {
                let parts = ["share", "reward", "last", "stall", "rank", "was_last"];
                names.extend(parts.map(|part| format!("arm_{arm}_{part}")));
            }
        }
        names
    }

    /// Takes the score of a round that `arm` ran, higher being better; returns its reward in [0, 1].
    ///
    /// A score that is not finite is a round without improvement; an arm out of range changes nothing.
    pub fn observe(&mut self, arm: usize, score: f64) -> f64 {
        if arm >= self.arms.len() {
            return 0.0;
        }
        let before = self.recent.back().copied();
        let mut reward = 0.0;
        let mut improved = false;
        if score.is_finite() {
            let best = before.map_or(score, |best| best.max(score));
            if before.is_none() {
                (self.first, self.worst) = (score, score);
            }
            self.worst = self.worst.min(score);
            improved = before.is_some_and(|before| best > before);
            reward = before.map_or(0.0, |before| share(best - before, best - self.worst));
            self.recent.push_back(best);
        } else if let Some(best) = before {
            self.recent.push_back(best);
        }
        keep(&mut self.recent, RECENT + 1);
        self.improved.push_back(improved);
        keep(&mut self.improved, RECENT);
        self.rounds += 1;
        self.stagnation = if improved || self.rounds == 1 { 0 } else { self.stagnation + 1 };
        self.last = Some(arm);
        let own = &mut self.arms[arm];
        own.rounds += 1;
        own.reward += DECAY * (reward - own.reward);
        own.last = reward;
        own.stall = if improved { 0 } else { own.stall + 1 };
        if score.is_finite() {
            own.best = Some(own.best.map_or(score, |best| best.max(score)));
        }
        reward
    }

    /// The state now. The complexity of the first call is what later ones are compared with.
    pub fn encode(&mut self, situation: &Situation) -> Vec<f64> {
        let complexity = finite(situation.complexity).max(0.0);
        let first_complexity = *self.first_complexity.get_or_insert(complexity);
        let best = self.recent.back().copied().unwrap_or(0.0);
        let lately = self.recent.front().copied().unwrap_or(0.0);
        let mut state = vec![0.0; NAMES.len()];
        state[BEST_SCORE] = share(best - self.first, best - self.worst);
        state[IMPROVEMENT_VELOCITY] = share(best - lately, best - self.first);
        state[BUDGET_LEFT] = finite(situation.budget_left).clamp(0.0, 1.0);
        state[COMPLEXITY] = if complexity + first_complexity > 0.0 {
            complexity / (complexity + first_complexity)
        } else {
            0.5
        };
        state[DATA_SIZE] = situation.examples as f64 / (situation.examples as f64 + 1000.0);
        state[OUTPUT_COMPLEXITY] = finite(situation.output_complexity).clamp(0.0, 1.0);
        state[RECENT_IMPROVEMENTS] = self.improved.iter().filter(|i| **i).count() as f64 / RECENT as f64;
        state[STAGNATION] = (self.stagnation as f64 / 10.0).min(1.0);
        state[GENERATION] = self.rounds as f64 / (self.rounds as f64 + 100.0);
        if let Some(task) = situation.task {
            state[task.feature()] = 1.0;
        }
        if self.history {
            (0..self.arms.len()).for_each(|arm| state.extend(self.of_arm(arm)));
        }
        state
    }

    fn of_arm(&self, arm: usize) -> [f64; OF_ARM] {
        let own = &self.arms[arm];
        let tried = self.arms.iter().filter_map(|a| a.best);
        let below = |best: f64| tried.clone().filter(|other| *other < best).count() as f64;
        [
            own.rounds as f64 / self.rounds.max(1) as f64,
            own.reward,
            own.last,
            (own.stall as f64 / 10.0).min(1.0),
            own.best.map_or(0.0, |best| below(best) / tried.clone().count() as f64),
            f64::from(u8::from(self.last == Some(arm))),
        ]
    }
}

/// Hides the task in a state with probability `rate`, so that a learner meets unknown tasks; 0.3 is a good rate.
///
/// Returns whether it did. A state too short to hold a task is left as it is.
pub fn drop_task(state: &mut [f64], rate: f64, rng: &mut Stream) -> bool {
    let drop = rng.chance(rate);
    if drop && let Some(task) = state.get_mut(super::TASK..super::TASK + TaskType::ALL.len()) {
        task.fill(0.0);
    }
    drop
}

/// `part / whole` in [0, 1]; 0 when there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 && whole.is_finite() { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

fn keep<T>(items: &mut VecDeque<T>, most: usize) {
    while items.len() > most {
        items.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(rounds: &[(usize, f64)]) -> Vec<f64> {
        let mut encoder = Encoder::new(3).with_history();
        let situation = Situation {
            budget_left: 0.5,
            complexity: 2.0,
            examples: 500,
            output_complexity: 0.3,
            task: None,
        };
        encoder.encode(&Situation { complexity: 1.0, ..situation });
        for (arm, score) in rounds {
            encoder.observe(*arm, *score);
        }
        encoder.encode(&situation)
    }

    #[test]
    fn every_feature_of_a_run_written_out() {
        let state = run(&[(0, 2.0), (1, 1.0), (0, 3.0), (0, 3.0), (1, f64::NAN), (1, 5.0), (2, 4.0)]);
        // Best after each round: 2 2 3 3 3 5 5; worst 1; first 2.
        let expected = [
            (5.0 - 2.0) / (5.0 - 1.0),
            (5.0 - 2.0) / (5.0 - 2.0),
            0.5,
            2.0 / 3.0,
            1.0 / 3.0,
            0.3,
            2.0 / 5.0,
            0.1,
            7.0 / 107.0,
            0.0,
            0.0,
            0.0,
            0.0,
        ];
        let arms = [
            // Rewards of arm 0: 0, then 1 / (3 - 1), then 0.
            [3.0 / 7.0, 0.6 * (0.4 * 0.5), 0.0, 0.1, 0.0, 0.0],
            // Rewards of arm 1: 0, 0, then 2 / (5 - 1).
            [3.0 / 7.0, 0.4 * 0.5, 0.5, 0.0, 2.0 / 3.0, 0.0],
            [1.0 / 7.0, 0.0, 0.0, 0.1, 1.0 / 3.0, 1.0],
        ];
        let expected: Vec<f64> = expected.into_iter().chain(arms.concat()).collect();
        assert_eq!(state.len(), expected.len());
        for (i, (found, expected)) in state.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 1e-12, "{i}: {found} {expected}");
        }
    }

    proptest! {
        #[test]
        fn features_are_bounded_and_free_of_scale(
            rounds in prop::collection::vec((0_usize..3, -100_i32..100), 0..40),
            shift in -1000_i32..1000,
            unit in 1_u32..6,
        ) {
            // Whole numbers and powers of two: shifting and scaling are then exact.
            let scaled = |s: i32| f64::from(s + shift) * f64::from(1 << unit);
            let plain: Vec<(usize, f64)> = rounds.iter().map(|(a, s)| (*a, f64::from(*s))).collect();
            let moved: Vec<(usize, f64)> = rounds.iter().map(|(a, s)| (*a, scaled(*s))).collect();
            let state = run(&plain);
            prop_assert!(state.iter().all(|x| (0.0..=1.0).contains(x)), "{:?}", state);
            prop_assert_eq!(state, run(&moved));
        }
    }

    #[test]
    fn names_fit_and_odd_input_is_harmless() {
        let mut encoder = Encoder::new(2).with_history();
        assert_eq!(encoder.names().len(), encoder.width());
        assert_eq!(encoder.names()[13 + OF_ARM], "arm_1_share");
        assert!((encoder.observe(7, 1.0)).abs() < f64::EPSILON);
        assert!((encoder.observe(0, f64::NAN)).abs() < f64::EPSILON);
        let odd = Situation {
            budget_left: f64::NAN,
            complexity: f64::INFINITY,
            examples: usize::MAX,
            output_complexity: -3.0,
            task: Some(TaskType::Qa),
        };
        let state = encoder.encode(&odd);
        assert!(state.iter().all(|x| (0.0..=1.0).contains(x)), "{state:?}");
        assert!((state[TaskType::Qa.feature()] - 1.0).abs() < f64::EPSILON);
        assert_eq!(Encoder::new(4).width(), NAMES.len());
    }

    #[test]
    fn tasks_are_dropped_at_the_rate() {
        let mut rng = Stream::root(1);
        let mut encoder = Encoder::new(2);
        let known =
            encoder.encode(&Situation { task: Some(TaskType::Summarization), ..Situation::default() });
        let mut dropped = 0;
        for _ in 0..2000 {
            let mut state = known.clone();
            let hidden = drop_task(&mut state, 0.3, &mut rng);
            assert_eq!(state[super::super::TASK..].iter().any(|x| *x > 0.0), !hidden);
            dropped += u32::from(hidden);
        }
        assert!((500..700).contains(&dropped), "{dropped}");
        assert!(!drop_task(&mut [0.0; 3], 0.0, &mut rng));
    }
}
