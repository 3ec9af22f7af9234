use std::collections::{BTreeSet, VecDeque};

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::config::DqnConfig;
use super::learner::Learner;
use super::loss::{best_action, is_allowed};
use super::metrics::{DqnMetrics, Tally};
use crate::DqnError;
use crate::nstep::{NStep, Step};
use crate::qnet::{Single, weights};
use crate::replay::Replay;

/// Rewards and state entries are cut to this size.
const LARGEST: f64 = 1e6;
/// Decisions that may await a reward; beyond, the oldest is forgotten.
const MOST_PENDING: usize = 1024;

/// One decision of the past, for [`DoubleDqn::observe`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experience {
    /// The state, of `state_dim` numbers.
    pub state: Vec<f64>,
    /// Which actions were allowed; missing ones were not.
    pub allowed: Vec<bool>,
    /// The action taken.
    pub action: usize,
    /// What it brought.
    pub reward: f64,
    /// The state after it and what is allowed there; `None` at the end of an episode.
    pub next: Option<(Vec<f64>, Vec<bool>)>,
}

/// Double-DQN over numbered actions, with prioritised replay, returns over several steps and masks.
///
/// As a [`meta_traits::Selector`] it takes states as `[f64]` of `state_dim` numbers (missing ones count as 0, further
/// ones are ignored, numbers that are not finite count as 0) and learns from the rewards it is told. An action whose
/// mask entry is false or missing is never chosen, nor does its value enter a target. A reward that is not finite is
/// dropped and its trajectory broken off there.
///
/// A transition is complete when the mask after it is known, which is at the next decision. A decision in another
/// state than the last one led to begins a new trajectory, and the last state keeps its value: so an episode that a
/// limit cut off needs no mark.
///
/// Sources: Mnih et al. 2015; double: van Hasselt et al. 2016; dueling: Wang et al. 2016; priorities: Schaul et al.
/// 2016; quantiles: Dabney et al. 2018; heads: Osband et al. 2016; conservative term: Kumar et al. 2020.
///
/// Determinism: the seed, the calls, the binary and the instruction set determine every bit; threads play no part.
///
/// ```
/// use meta_traits::{Selector, Stream};
/// use rl_selector::{DoubleDqn, DqnConfig, RLConfig};
/// let rl = RLConfig { state_dim: 2, action_dim: 3, hidden_dims: vec![32], warmup_steps: 100, ..RLConfig::default() };
/// let mut agent = DoubleDqn::new(DqnConfig { rl, exploration_steps: 300, ..DqnConfig::default() }, 7)?;
/// let mut rng = Stream::root(1);
/// for _ in 0..600 {
///     // The sign of the state says which of the last two actions pays; the first is not allowed.
///     let state = [rng.unit() - 0.5, 1.0];
///     let choice = agent.select(&state, &[false, true, true]).expect("two actions are allowed");
///     let right = if state[0] > 0.0 { 1 } else { 2 };
///     agent.reward(choice.id, f64::from(u8::from(choice.arm == right)), None).expect("it awaits a reward");
/// }
/// assert_eq!(agent.greedy(&[0.4, 1.0], &[true, true, true]), Some(1));
/// assert_eq!(agent.greedy(&[-0.4, 1.0], &[true, true, true]), Some(2));
/// # Ok::<(), rl_selector::DqnError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DoubleDqn {
    pub(super) config: DqnConfig,
    pub(super) stream: Stream,
    pub(super) learner: Learner,
    pub(super) replay: Replay,
    pub(super) nstep: NStep,
    pub(super) pending: VecDeque<Decision>,
    /// Decisions made outside of training that await a reward.
    pub(super) idle: BTreeSet<(u64, usize)>,
    pub(super) counters: Counters,
    pub(super) tally: Tally,
    pub(super) single: Single,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    /// Decisions, which is also the next id.
    pub(super) decisions: u64,
    /// Trajectories finished; each has a head of its own that explores.
    pub(super) episodes: u64,
    /// Decisions since the last learning step.
    pub(super) since_update: u64,
    /// Whether weights were loaded, so that choices are worth something from the start.
    pub(super) pretrained: bool,
    /// Whether choices stay as they are.
    pub(super) frozen: bool,
    /// Share of choices that are never drawn.
    #[serde(default)]
    pub(super) restrained: f64,
}

/// A decision on its way to becoming experience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub(super) id: u64,
    pub(super) state: Vec<f32>,
    pub(super) allowed: u32,
    pub(super) action: usize,
    pub(super) outcome: Option<Outcome>,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// A reward that is not finite.
    Void,
    Reward {
        reward: f64,
        next: Option<Vec<f32>>,
    },
}

impl DoubleDqn {
    /// An agent with a fresh network.
    ///
    /// # Errors
    /// [`DqnError::Config`] when a setting is outside its range.
    pub fn new(config: DqnConfig, seed: u64) -> Result<Self, DqnError> {
        config.validate()?;
        let stream = Stream::root(seed).child("double-dqn", 0);
        let rl = &config.rl;
        Ok(Self {
            learner: Learner::new(&config, &stream),
            replay: Replay::new(rl.buffer_capacity, rl.state_dim, rl.prioritized_replay),
            nstep: NStep::new(config.n_step, rl.gamma),
            pending: VecDeque::new(),
            idle: BTreeSet::new(),
            counters: Counters::default(),
            tally: Tally::new(rl.action_dim),
            single: Single::new(),
            stream,
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &DqnConfig {
        &self.config
    }

    /// Turns exploring, remembering and learning on (the default) or off.
    pub fn set_training_mode(&mut self, on: bool) {
        self.counters.frozen = !on;
    }

    /// From now on draws at most this share of its choices, clamped to [0, 1], whatever the warm-up and the settings say;
    /// 1 takes the limit away, and a share that is no number changes nothing. A snapshot holds it.
    ///
    /// ```
    /// # use rl_selector::{DoubleDqn, DqnConfig};
    /// let mut agent = DoubleDqn::new(DqnConfig::default(), 7)?;
    /// assert_eq!(agent.metrics().exploration, 1.0);
    /// agent.restrain(0.5);
    /// assert_eq!(agent.metrics().exploration, 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restrain(&mut self, exploration: f64) {
        if !exploration.is_nan() {
            self.counters.restrained = 1.0 - exploration.clamp(0.0, 1.0);
        }
    }

    /// How the agent stands.
    pub fn metrics(&self) -> DqnMetrics {
        DqnMetrics {
            arms: self.tally.arms(),
            buffer_size: self.replay.len(),
            experience: self.replay.added(),
            warmed_up: self.is_warm(),
            updates: self.learner.updates,
            decisions: self.counters.decisions,
            exploration: if self.counters.frozen { 0.0 } else { self.exploration() },
            last_selections: self.tally.last.iter().copied().collect(),
            baseline: self.tally.baseline(),
        }
    }

    /// The expected return of each action, mean over heads and quantiles.
    pub fn action_values(&mut self, state: &[f64]) -> Vec<f64> {
        let state = self.clean(state);
        let n = self.config.quantiles;
        let outputs = self.single.forward(&self.learner.net, &state);
        let heads = outputs.chunks_exact(self.config.rl.action_dim * n);
        let mut values = vec![0.0; self.config.rl.action_dim];
        for head in heads {
            for (value, quantiles) in values.iter_mut().zip(head.chunks_exact(n)) {
                *value += quantiles.iter().map(|q| f64::from(*q)).sum::<f64>();
            }
        }
        let count = (n * self.config.heads) as f64;
        values.iter().map(|v| v / count).collect()
    }

    /// The predicted quantiles of the return of `action`, ascending, mean over heads; the mean alone without a quantile
    /// head. Empty when there is no such action.
    pub fn return_quantiles(&mut self, state: &[f64], action: usize) -> Vec<f64> {
        let (actions, n) = (self.config.rl.action_dim, self.config.quantiles);
        if action >= actions {
            return Vec::new();
        }
        let state = self.clean(state);
        let outputs = self.single.forward(&self.learner.net, &state);
        let mut sums = vec![0.0; n];
        for head in outputs.chunks_exact(actions * n) {
            let quantiles = &head[action * n..(action + 1) * n];
            sums.iter_mut().zip(quantiles).for_each(|(sum, q)| *sum += f64::from(*q));
        }
        for sum in &mut sums {
            *sum /= self.config.heads as f64;
        }
        sums.sort_unstable_by(f64::total_cmp);
        sums
    }

    /// The network that learns.
    pub(crate) fn network(&self) -> &crate::qnet::QNet {
        &self.learner.net
    }

    /// The units of the last hidden layer: features for a linear model on this network.
    pub fn trunk_features(&mut self, state: &[f64]) -> Vec<f32> {
        let state = self.clean(state);
        self.single.features(&self.learner.net, &state).to_vec()
    }

    /// The allowed action of the largest value, or `None` when none is allowed. Nothing is remembered.
    pub fn greedy(&mut self, state: &[f64], allowed: &[bool]) -> Option<usize> {
        let (state, mask) = (self.clean(state), self.mask(allowed));
        self.best(&state, mask, None)
    }

    /// Takes in a decision of the past as the next step of its trajectory: experience of earlier runs, or of another
    /// policy. It counts towards the warm-up and is not followed by learning; see [`Self::train`].
    ///
    /// # Errors
    /// [`DqnError::Experience`] when a state has another width, the action does not exist, or the reward is not
    /// finite; nothing is changed then.
    pub fn observe(&mut self, experience: &Experience) -> Result<(), DqnError> {
        let (width, actions) = (self.config.rl.state_dim, self.config.rl.action_dim);
        let fault = |message: String| Err(DqnError::Experience(message));
        let next_width = experience.next.as_ref().map_or(width, |(state, _)| state.len());
        for found in [experience.state.len(), next_width] {
            if found != width {
                return fault(format!("a state of {found} numbers; needed: {width}"));
            }
        }
        if experience.action >= actions {
            return fault(format!("action {}; allowed: below {actions}", experience.action));
        }
        if !experience.reward.is_finite() {
            return fault(format!("a reward of {}; needed: a finite number", experience.reward));
        }
        let step = Step {
            state: self.clean(&experience.state),
            allowed: self.mask(&experience.allowed),
            action: experience.action,
            reward: experience.reward.clamp(-LARGEST, LARGEST),
            next: experience.next.as_ref().map(|(state, allowed)| (self.clean(state), self.mask(allowed))),
        };
        let ends = step.next.is_none();
        self.remember(step);
        if ends {
            self.counters.episodes += 1;
        }
        Ok(())
    }

    /// Breaks the trajectory off: what comes next does not follow from what came before.
    pub fn break_off(&mut self) {
        let mut out = Vec::new();
        self.nstep.flush(&mut out);
        for transition in out {
            self.store(transition);
        }
        self.counters.episodes += 1;
    }

    /// Takes so many gradient steps on what is remembered; the mean loss. `None` without experience.
    pub fn train(&mut self, gradient_steps: usize) -> Option<f64> {
        let mut losses = Vec::with_capacity(gradient_steps);
        for _ in 0..gradient_steps {
            losses.extend(self.learner.step(&self.config, &mut self.replay, &self.stream));
        }
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// The weights as safetensors: `layers.I.weight` (outputs x inputs) and `layers.I.bias`, the heads last.
    ///
    /// # Errors
    /// [`DqnError::Weights`] when they cannot be written.
    pub fn weights(&self) -> Result<Vec<u8>, DqnError> {
        weights::to_bytes(&self.learner.net)
    }

    /// Takes up weights that [`Self::weights`] wrote, for network and target; exploration starts at its end.
    ///
    /// # Errors
    /// [`DqnError::Weights`] when the file is damaged or of another form; nothing is changed then.
    pub fn load_weights(&mut self, bytes: &[u8]) -> Result<(), DqnError> {
        let parameters = weights::from_bytes(&self.learner.net, bytes)?;
        self.learner.replace(&self.config, &parameters);
        self.counters.pretrained = true;
        Ok(())
    }

    /// Whether there is experience enough to learn from.
    pub(super) fn is_warm(&self) -> bool {
        self.replay.added() >= self.config.rl.warmup_steps as u64
    }

    /// The share of choices that are drawn.
    pub(super) fn exploration(&self) -> f64 {
        let floor = self.config.rl.exploration_noise;
        let beyond = self.replay.added().saturating_sub(self.config.rl.warmup_steps as u64) as f64;
        let share = match (self.counters.pretrained, self.is_warm()) {
            (true, _) => floor,
            (false, false) => 1.0,
            (false, true) => (1.0 - beyond / self.config.exploration_steps.max(1) as f64).max(floor),
        };
        share.min(1.0 - self.counters.restrained)
    }

    /// The allowed action that `head`, or the mean of all, thinks best.
    pub(super) fn best(&mut self, state: &[f32], mask: u32, head: Option<usize>) -> Option<usize> {
        let (actions, n) = (self.config.rl.action_dim, self.config.quantiles);
        let outputs = self.single.forward(&self.learner.net, state);
        if let Some(head) = head {
            return best_action(&outputs[head * actions * n..(head + 1) * actions * n], n, mask);
        }
        let mut means = vec![0.0; actions * n];
        for head in outputs.chunks_exact(actions * n) {
            means.iter_mut().zip(head).for_each(|(mean, q)| *mean += q);
        }
        best_action(&means, n, mask)
    }

    /// The state as the network takes it.
    pub(super) fn clean(&self, state: &[f64]) -> Vec<f32> {
        let sound = |x: &f64| if x.is_finite() { x.clamp(-LARGEST, LARGEST) as f32 } else { 0.0 };
        let padding = std::iter::repeat(0.0);
        state.iter().map(sound).chain(padding).take(self.config.rl.state_dim).collect()
    }

    /// The mask as bits.
    pub(super) fn mask(&self, allowed: &[bool]) -> u32 {
        let bits = allowed.iter().take(self.config.rl.action_dim).enumerate();
        bits.fold(0, |mask, (action, allowed)| mask | u32::from(*allowed) << action)
    }

    /// An allowed action, uniformly.
    pub(super) fn random(mask: u32, rng: &mut Stream) -> Option<usize> {
        let allowed: Vec<usize> = (0..32).filter(|a| is_allowed(mask, *a)).collect();
        rng.pick(&allowed).copied()
    }

    /// Notes a decision that is to become experience.
    pub(super) fn expect(&mut self, decision: Decision) {
        self.pending.push_back(decision);
        self.commit();
        if self.pending.len() > MOST_PENDING {
            self.pending.pop_front();
            self.break_off();
            self.commit();
        }
    }

    /// Turns decisions whose reward and next mask are known into steps, in the order they were made.
    pub(super) fn commit(&mut self) {
        let all = self.mask(&[true; 32]);
        while let Some(front) = self.pending.front() {
            let follower = self.pending.get(1);
            let (next, breaks) = match &front.outcome {
                None => return,
                Some(Outcome::Void) => {
                    self.pending.pop_front();
                    self.break_off();
                    continue;
                }
                Some(Outcome::Reward { next: None, .. }) => (None, true),
                Some(Outcome::Reward { next: Some(next), .. }) => match follower {
                    None => return,
                    Some(follower) if follower.state == *next => {
                        (Some((next.clone(), follower.allowed)), false)
                    }
                    Some(_) => (Some((next.clone(), all)), true),
                },
            };
            let Some(Decision { state, allowed, action, outcome, .. }) = self.pending.pop_front() else {
                return;
            };
            let Some(Outcome::Reward { reward, .. }) = outcome else { return };
            self.remember(Step { state, allowed, action, reward, next });
            if breaks {
                self.break_off();
            }
            self.counters.since_update += 1;
        }
    }

    fn remember(&mut self, step: Step) {
        let mut out = Vec::new();
        self.nstep.push(step, &mut out);
        for transition in out {
            self.store(transition);
        }
    }

    fn store(&mut self, mut transition: crate::replay::Transition) {
        if self.config.heads > 1 {
            let mut rng = self.stream.child("bootstrap", self.replay.added());
            transition.heads = rng.bits() as u32;
        }
        self.replay.add(&transition);
    }

    /// Takes a learning step when enough has been seen since the last.
    pub(super) fn learn_if_due(&mut self) {
        let due = self.counters.since_update >= self.config.rl.update_frequency as u64;
        if due && self.is_warm() {
            self.counters.since_update = 0;
            self.train(self.config.gradient_steps);
        }
    }
}
