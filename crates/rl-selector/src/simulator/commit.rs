use meta_traits::{HandOn, Stream};

use crate::History;

/// A score no run starts above: before the first evaluation a run counts as this bad.
const WORST: f64 = 12.0;

/// A run that can be stepped, copied, and asked what every action would bring.
pub trait Simulation {
    /// The number of actions.
    fn actions(&self) -> usize;

    /// The arm of an action and what it starts from: the arm of the same number, resumed, unless a simulation says
    /// otherwise.
    fn action(&self, action: usize) -> (usize, HandOn) {
        (action, HandOn::Resume)
    }

    /// What the run has seen.
    fn history(&self) -> &History;

    /// Whether the budget is spent.
    fn done(&self) -> bool;

    /// The score of the best so far; lower is better.
    fn score(&self) -> f64;

    /// Runs an action for one block; returns the size of the incumbent's improvement in [0, 1].
    fn step(&mut self, action: usize) -> f64;

    /// For each action the final score if all that is left of the budget goes to it. Further entries are what else is to
    /// be learnt: final scores of other ways to go on.
    fn commit(&self) -> Vec<f64>;

    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn Simulation + '_>;
}

/// States with what each action was worth in them: full-information labels.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// Features of each state.
    pub states: Vec<Vec<f64>>,
    /// For each state the gain of each action: by how much the score falls until the end of the budget.
    pub gains: Vec<Vec<f64>>,
}

/// How states are gathered for offline learning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingConfig {
    /// Episodes of random behaviour on every run.
    pub episodes: usize,
    /// Rounds of gathering with the policy learnt so far.
    pub rounds: usize,
    /// Episodes on every run in each round.
    pub episodes_a_round: usize,
    /// Rounds, counted from the last, whose labels play the policy out after one block of an action instead of
    /// committing to it, where that is better.
    pub rollouts: usize,
    /// Share of the states visited that are kept.
    pub kept: f64,
    /// Deviations over the ensemble by which another action must be ahead of the arm that ran last; 0 takes the mean.
    pub caution: f64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self { episodes: 2, rounds: 2, episodes_a_round: 1, rollouts: 0, kept: 0.4, caution: 0.0 }
    }
}

/// What chooses among actions by the features of a run.
pub(crate) trait Chooser {
    /// The best of the first `actions` actions; `caution` lowers the value of those it is unsure of.
    fn best(&self, features: &[f64], actions: usize, caution: f64) -> usize;
}

/// Gathers labelled states of one run: random behaviour without a policy, the policy with noise otherwise.
///
/// Random behaviour tries a random number of arms one after the other, then stays with the last arm with a probability
/// drawn for the episode.
pub(crate) fn collect(
    start: &dyn Simulation,
    policy: Option<&dyn Chooser>,
    rollouts: bool,
    config: &TrainingConfig,
    rng: &mut Stream,
    rows: &mut Rows,
) {
    let mut run = start.fork();
    let actions = run.actions();
    let mut order: Vec<usize> = (0..actions).collect();
    rng.shuffle(&mut order);
    let probes = 1 + rng.below(actions);
    let stay = [0.3, 0.7, 0.9, 0.97][rng.below(4)];
    let noise = [0.0, 0.0, 0.1, 0.3][rng.below(4)];
    let mut last = order[0];
    let mut block = 0;
    while !run.done() {
        let features = run.history().features();
        if block == 0 || rng.chance(config.kept) {
            let before = run.score().min(WORST);
            let ends = match policy {
                Some(policy) if rollouts => played_out(run.as_ref(), policy, config.caution),
                _ => run.commit(),
            };
            rows.gains.push(ends.into_iter().map(|end| (before - end).max(0.0)).collect());
            rows.states.push(features.clone());
        }
        let action = match policy {
            Some(policy) if !rng.chance(noise) => policy.best(&features, actions, config.caution),
            None if block < probes => order[block],
            None if rng.chance(stay) => last,
            _ => rng.below(actions),
        };
        run.step(action);
        last = action;
        block += 1;
    }
}

/// For each action the score after one block of it followed by the policy.
fn played_out(run: &dyn Simulation, policy: &dyn Chooser, caution: f64) -> Vec<f64> {
    let play = |action| {
        let mut copy = run.fork();
        copy.step(action);
        while !copy.done() {
            let next = policy.best(&copy.history().features(), copy.actions(), caution);
            copy.step(next);
        }
        copy.score()
    };
    let further = run.commit().into_iter().skip(run.actions());
    (0..run.actions()).map(play).chain(further).collect()
}
