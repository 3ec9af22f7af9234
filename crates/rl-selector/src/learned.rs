use std::collections::BTreeSet;

use meta_traits::{Choice, ChoiceId, HandOn, Level, Selector, Stream, TellError};
use serde::{Deserialize, Serialize};

use crate::History;
use crate::forest::{Forest, ForestConfig};
use crate::simulator::{Chooser, Conduct, Rows, Simulation, TrainingConfig, collect, open, single};

/// A policy learnt offline from full-information labels: for each state the gain of each action.
///
/// Training gathers states by random behaviour first and by the policy itself afterwards (Ross, Gordon, Bagnell 2011), and
/// labels every action in each by what it would have brought. The same runs and stream give the same policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    actions: usize,
    arms: usize,
    first: usize,
    caution: f64,
    patience: usize,
    forest: Forest,
    /// The arm of each action and what it starts from; nothing where every action resumes the arm of its number.
    #[serde(default)]
    ways: Vec<(usize, HandOn)>,
}

impl Learned {
    /// Learns on runs; `start(i)` gives run `i` at its beginning. `None` without runs.
    pub fn train<'a>(
        runs: usize,
        start: impl Fn(usize) -> Box<dyn Simulation + 'a>,
        training: &TrainingConfig,
        forest: &ForestConfig,
        rng: &Stream,
    ) -> Option<Self> {
        Self::train_with_rows(runs, start, training, forest, rng).map(|(policy, _)| policy)
    }

    /// As [`Self::train`], with the states it learnt from.
    pub(crate) fn train_with_rows<'a>(
        runs: usize,
        start: impl Fn(usize) -> Box<dyn Simulation + 'a>,
        training: &TrainingConfig,
        forest: &ForestConfig,
        rng: &Stream,
    ) -> Option<(Self, Rows)> {
        let mut rows = Rows::default();
        let mut learnt: Option<Forest> = None;
        let first = training.first.unwrap_or_else(|| single(runs, &start));
        let TrainingConfig { caution, patience, .. } = *training;
        for round in 0..=training.rounds as u64 {
            let rollouts = round > 0 && training.rounds as u64 - round < training.rollouts as u64;
            let episodes = if round == 0 { training.episodes } else { training.episodes_a_round };
            let policy = learnt.as_ref().map(|chooser| Conduct { chooser, first, caution, patience });
            for run in 0..runs {
                let begin = start(run);
                let rng = rng.child("round", round).child("run", begin.name().unwrap_or(run as u64));
                for episode in 0..episodes {
                    let mut rng = rng.child("episode", episode as u64);
                    collect(begin.as_ref(), first, policy, rollouts, training, &mut rng, &mut rows);
                }
            }
            learnt = Some(Forest::fit(&rows.states, &rows.gains, forest, &rng.child("forest", round))?);
        }
        let begin = start(0);
        let (actions, arms) = (begin.actions(), begin.history().arms());
        let ways = (0..actions).map(|action| begin.action(action)).collect();
        Some((Self { actions, arms, first, caution, patience, forest: learnt?, ways }, rows))
    }

    /// For each action the expected gain and how unsure it is (standard deviation over the members of the ensemble).
    pub fn gains(&self, features: &[f64]) -> Vec<(f64, f64)> {
        self.forest.predict(features)
    }

    /// The arm of an action and what it starts from, as the simulation it has learnt on says.
    pub fn action(&self, action: usize) -> (usize, HandOn) {
        self.ways.get(action).copied().unwrap_or((action, HandOn::Resume))
    }

    /// For each member of the ensemble the expected gains.
    pub(crate) fn members(&self, features: &[f64]) -> Vec<Vec<f64>> {
        self.forest.members(features)
    }

    /// The action that is best over whole runs at the beginning of a run; then the one that ran last while it improves;
    /// where it stalls, the action of highest expected gain, with the caution it was trained with.
    pub fn best(&self, features: &[f64]) -> usize {
        match History::last_arm(features) {
            None => self.first,
            Some(last) if !open(features, self.arms, self.patience) => last,
            Some(_) => self.forest.best(features, self.actions, self.caution),
        }
    }
}

impl Chooser for Forest {
    fn best(&self, features: &[f64], actions: usize, caution: f64) -> usize {
        Self::best(self, features, actions, caution)
    }
}

/// [`Learned`] as a selector that always acts: a choice names the arm and what it starts from. The mask is of arms.
#[derive(Clone, Debug)]
pub struct LearnedSelector<'a> {
    policy: &'a Learned,
    next: u64,
    pending: BTreeSet<u64>,
}

impl<'a> LearnedSelector<'a> {
    /// Acts by `policy`.
    pub fn new(policy: &'a Learned) -> Self {
        Self { policy, next: 0, pending: BTreeSet::new() }
    }
}

impl Selector for LearnedSelector<'_> {
    type Context = [f64];

    fn select(&mut self, context: &[f64], allowed: &[bool]) -> Option<Choice> {
        let gains = self.policy.gains(context);
        let is_open = |k: &usize| allowed.get(self.policy.action(*k).0) == Some(&true);
        let open = (0..self.policy.actions).filter(is_open);
        let highest = open.reduce(|best, k| if gains[k].0 > gains[best].0 { k } else { best })?;
        let action = Some(self.policy.best(context)).filter(is_open).unwrap_or(highest);
        let (arm, hand_on) = self.policy.action(action);
        let mut choice = Choice::new(ChoiceId(self.next), arm);
        (choice.level, choice.hand_on) = (Level::Learned, hand_on);
        (choice.value, choice.lower) = (gains[action].0, gains[action].0 - 1.645 * gains[action].1);
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
