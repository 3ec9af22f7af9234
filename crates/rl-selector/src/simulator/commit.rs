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

    /// A number that names the run: what is drawn for it while states are gathered depends on it. The place among the runs
    /// by default.
    fn name(&self) -> Option<u64> {
        None
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
    /// committing to it.
    pub rollouts: usize,
    /// Share of the states kept in which something is to be decided; of the others a fifth of that.
    pub kept: f64,
    /// Deviations over the ensemble by which another action must be ahead of the arm that ran last; 0 takes the mean.
    pub caution: f64,
    /// Blocks without improvement of its own best, at most 8, after which the arm that ran last may be left: an arm that
    /// improves goes on. 0 decides after every block.
    pub patience: usize,
    /// The action a run begins with; the best one over whole runs by default.
    pub first: Option<usize>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            episodes: 3,
            rounds: 2,
            episodes_a_round: 2,
            rollouts: 0,
            kept: 0.3,
            caution: 0.0,
            patience: 0,
            first: None,
        }
    }
}

/// What chooses among actions by the features of a run.
pub(crate) trait Chooser {
    /// The best of the first `actions` actions; `caution` lowers the value of those it is unsure of.
    fn best(&self, features: &[f64], actions: usize, caution: f64) -> usize;
}

/// What a policy does where: it begins with one action, stays with an arm that improves, and chooses otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Conduct<'a> {
    pub(crate) chooser: &'a dyn Chooser,
    pub(crate) first: usize,
    pub(crate) caution: f64,
    pub(crate) patience: usize,
}

impl Conduct<'_> {
    fn action(&self, run: &dyn Simulation, last: Option<usize>) -> usize {
        let features = run.history().features();
        match last {
            None => self.first,
            Some(last) if !open(&features, run.history().arms(), self.patience) => last,
            _ => self.chooser.best(&features, run.actions(), self.caution),
        }
    }
}

/// Whether there is something to decide: the arm that ran last has not improved its own best for `patience` blocks.
pub(crate) fn open(features: &[f64], arms: usize, patience: usize) -> bool {
    let last = History::last_arm(features);
    let stalled = last.zip(History::standing(features, arms)).map(|(last, standing)| standing[last].1);
    stalled.is_none_or(|stalled| stalled + 1e-9 >= patience.min(8) as f64)
}

/// The action that is best over whole runs.
pub(crate) fn single<'a>(runs: usize, start: &impl Fn(usize) -> Box<dyn Simulation + 'a>) -> usize {
    let mut sums: Vec<f64> = Vec::new();
    for run in 0..runs {
        let begin = start(run);
        let ends = begin.commit();
        sums.resize(begin.actions(), 0.0);
        sums.iter_mut().zip(ends).for_each(|(sum, end)| *sum += end);
    }
    (0..sums.len()).fold(0, |best, i| if sums[i] < sums[best] { i } else { best })
}

/// Gathers labelled states of one run: random behaviour without a policy, the policy with noise otherwise.
///
/// Behaviour begins with `first`. Without a policy an arm is left for a random one when it has stalled for a number of
/// blocks drawn for the episode, and now and then before; what is chosen at random runs for a few blocks. Without
/// patience it tries a random number of arms one after the other, then stays with a probability drawn for the episode.
pub(crate) fn collect(
    start: &dyn Simulation,
    first: usize,
    policy: Option<Conduct<'_>>,
    rollouts: bool,
    config: &TrainingConfig,
    rng: &mut Stream,
    rows: &mut Rows,
) {
    let mut run = start.fork();
    let actions = run.actions();
    let patience = if config.patience == 0 { 0 } else { 1 + rng.below(8) };
    let noise = [0.0, 0.2, 0.5][rng.below(3)];
    let mut order: Vec<usize> = (0..actions).collect();
    let mut trial = rng.child("trial", 0);
    trial.shuffle(&mut order);
    let probes = if config.patience == 0 { 1 + trial.below(actions) } else { 0 };
    let stay = [0.3, 0.7, 0.9, 0.97][trial.below(4)];
    let (mut last, mut held, mut block) = (None, 0_usize, 0);
    while !run.done() {
        let features = run.history().features();
        let patience = if policy.is_some() { config.patience } else { patience };
        let decides = last.is_none() || (held == 0 && open(&features, run.history().arms(), patience));
        let early = policy.is_none() && held == 0 && rng.chance(0.02);
        let share = if decides || early { config.kept } else { config.kept / 5.0 };
        if last.is_none() || rng.chance(share) {
            let before = run.score().min(WORST);
            let ends = match policy {
                Some(policy) if rollouts => played_out(run.as_ref(), policy),
                _ => run.commit(),
            };
            rows.gains.push(ends.into_iter().map(|end| (before - end).max(0.0)).collect());
            rows.states.push(features);
        }
        held = held.saturating_sub(1);
        let action = match (last, policy) {
            (_, None) if block < probes => order[block],
            (Some(last), None) if config.patience == 0 && rng.chance(stay) => last,
            (None, _) => first,
            (Some(last), _) if !(decides || early) => last,
            (last, Some(policy)) if !rng.chance(noise) => policy.action(run.as_ref(), last),
            _ => {
                held = if config.patience == 0 { 0 } else { rng.below(8) };
                rng.below(actions)
            }
        };
        run.step(action);
        last = Some(action);
        block += 1;
    }
}

/// For each action the score after one block of it followed by the policy.
fn played_out(run: &dyn Simulation, policy: Conduct<'_>) -> Vec<f64> {
    let play = |action| {
        let mut copy = run.fork();
        copy.step(action);
        let mut last = action;
        while !copy.done() {
            last = policy.action(copy.as_ref(), Some(last));
            copy.step(last);
        }
        copy.score()
    };
    let further = run.commit().into_iter().skip(run.actions());
    (0..run.actions()).map(play).chain(further).collect()
}
