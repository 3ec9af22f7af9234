use std::collections::BTreeSet;

use meta_traits::{Choice, ChoiceId, HandOn, Level, Selector, Stream, TellError};
use serde::{Deserialize, Serialize};

use crate::History;
use crate::evolve::minimise;
use crate::simulator::Simulation;

/// Weights that all actions share: those of the features of an action's arm, and of three products.
const SHARED: usize = 17;
/// Weights each action has of its own.
const OWN: usize = 4;
/// The spread of the first generation.
const SPREAD: f64 = 0.4;

/// A policy of few numbers, learnt offline by playing: each action is scored by what its arm did of late, with the same
/// weights for all, plus a liking for the action that may change as the budget is spent, as its arm stalls and by what
/// its last block gained; the highest score acts.
///
/// The weights are searched for directly (separable CMA-ES) by what whole runs come to, so that what the policy itself
/// leads to is what it is judged by, and nothing is predicted. Every problem counts the same, however many runs of it
/// there are, and a problem that ends worse than by the best single action counts more. The same runs, settings and
/// stream give the same policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    arms: usize,
    /// For each action its arm and what it starts from.
    actions: Vec<(usize, HandOn)>,
    /// Shared weights, then for each action its liking, and the change of that over the budget, by stalling and by gain.
    weights: Vec<f64>,
}

/// How a [`Preference`] is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchConfig {
    /// Generations.
    pub generations: usize,
    /// Policies tried a generation; at least 4 are.
    pub population: usize,
    /// Runs of each problem that a generation is judged by.
    pub runs: usize,
    /// How much more it counts where a problem ends worse than by the best single action.
    pub guard: f64,
    /// Weight of the squared weights.
    pub decay: f64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { generations: 60, population: 24, runs: 3, guard: 0.0, decay: 1e-3 }
    }
}

impl Preference {
    /// Learns on problems, each the numbers of its runs; `start(i)` gives run `i` at its beginning. `None` without runs.
    pub fn learn<'a>(
        problems: &[Vec<usize>],
        start: impl Fn(usize) -> Box<dyn Simulation + 'a>,
        config: &SearchConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let problems: Vec<&Vec<usize>> = problems.iter().filter(|runs| !runs.is_empty()).collect();
        let first = start(*problems.first()?.first()?);
        let (arms, count) = (first.history().arms(), first.actions());
        let actions: Vec<(usize, HandOn)> = (0..count).map(|action| first.action(action)).collect();
        drop(first);
        let alone: Vec<Vec<Vec<f64>>> =
            problems.iter().map(|runs| runs.iter().map(|run| start(*run).commit()).collect()).collect();
        let overall = |action: usize| -> f64 {
            let mean =
                |runs: &Vec<Vec<f64>>| runs.iter().map(|ends| ends[action]).sum::<f64>() / runs.len() as f64;
            alone.iter().map(mean).sum()
        };
        let single =
            (0..count).reduce(|best, action| if overall(action) < overall(best) { action } else { best })?;
        let mut weights = vec![0.0; SHARED + OWN * count];
        weights[SHARED + OWN * single] = 1.0;
        let mut policy = Self { arms, actions, weights };
        policy.weights = minimise(
            policy.weights.clone(),
            SPREAD,
            config.generations,
            config.population,
            &rng.child("search", 0),
            |generation, points| {
                let mut rng = rng.child("runs", generation as u64);
                let mut drawn = Vec::new();
                for (problem, runs) in problems.iter().enumerate() {
                    let mut order: Vec<usize> = (0..runs.len()).collect();
                    rng.shuffle(&mut order);
                    drawn.push((problem, order[..config.runs.clamp(1, runs.len())].to_vec()));
                }
                let judge = |weights: &Vec<f64>| {
                    let candidate = Self { arms, actions: policy.actions.clone(), weights: weights.clone() };
                    let mut sum = 0.0;
                    for (problem, places) in &drawn {
                        let worse = |place: &usize| {
                            let end = candidate.play(start(problems[*problem][*place]).as_mut());
                            end - alone[*problem][*place][single]
                        };
                        let mean = places.iter().map(worse).sum::<f64>() / places.len() as f64;
                        sum += mean + config.guard * mean.max(0.0);
                    }
                    let squares: f64 = weights.iter().map(|w| w * w).sum();
                    sum / drawn.len() as f64 + config.decay * squares
                };
                points.iter().map(judge).collect()
            },
        );
        Some(policy)
    }

    /// Lets the policy decide a run to its end; the final score.
    fn play(&self, run: &mut dyn Simulation) -> f64 {
        while !run.done() {
            let action = self.best(&run.history().features());
            run.step(action);
        }
        run.score()
    }

    /// The score of every action by the features of a run; the likings alone when they are none of a [`History`] of as
    /// many arms.
    pub fn scores(&self, features: &[f64]) -> Vec<f64> {
        let (shared, likings) = self.weights.split_at(SHARED);
        let parts = History::parts(features, self.arms);
        let score = |(action, own_weights): (&(usize, HandOn), &[f64])| {
            let Some((run, arms)) = &parts else { return own_weights[0] };
            let (own, used) = (arms[action.0], run[0]);
            let (gap, stalled) = (own[1] * own[2], own[6]);
            let last = own[own.len() - 1];
            let terms = own.iter().enumerate().map(|(i, x)| if i == 1 { gap } else { *x });
            let common = terms.chain([run[1] * last, gap * used, stalled * used]);
            let of_action = [1.0, used, stalled, own[3]];
            shared.iter().zip(common).chain(own_weights.iter().zip(of_action)).map(|(w, x)| w * x).sum()
        };
        self.actions.iter().zip(likings.chunks_exact(OWN)).map(score).collect()
    }

    /// The action of highest score; the first of equals.
    pub fn best(&self, features: &[f64]) -> usize {
        let scores = self.scores(features);
        (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
    }

    /// The arm of each action and what it starts from.
    pub fn actions(&self) -> &[(usize, HandOn)] {
        &self.actions
    }
}

/// [`Preference`] as a selector that always acts. The context is the features of a [`History`].
#[derive(Clone, Debug)]
pub struct Preferred<'a> {
    policy: &'a Preference,
    next: u64,
    pending: BTreeSet<u64>,
}

impl<'a> Preferred<'a> {
    /// Acts by `policy`.
    pub fn new(policy: &'a Preference) -> Self {
        Self { policy, next: 0, pending: BTreeSet::new() }
    }
}

impl Selector for Preferred<'_> {
    type Context = [f64];

    fn select(&mut self, context: &[f64], allowed: &[bool]) -> Option<Choice> {
        let scores = self.policy.scores(context);
        let actions = self.policy.actions();
        let open = (0..scores.len()).filter(|action| allowed.get(actions[*action].0) == Some(&true));
        let action = open.reduce(|best, i| if scores[i] > scores[best] { i } else { best })?;
        let mut choice = Choice::new(ChoiceId(self.next), actions[action].0);
        (choice.level, choice.hand_on) = (Level::Learned, actions[action].1);
        self.pending.insert(self.next);
        if self.pending.len() > 1024 {
            self.pending.pop_first();
        }
        self.next += 1;
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, _: f64, _: Option<&[f64]>) -> Result<(), TellError> {
        if self.pending.remove(&of.0) { Ok(()) } else { Err(TellError::UnknownChoice(of.0)) }
    }
}
