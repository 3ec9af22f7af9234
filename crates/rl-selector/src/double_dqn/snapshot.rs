use std::collections::{BTreeSet, VecDeque};

use meta_traits::{RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::agent::{Counters, Decision, DoubleDqn, Outcome};
use super::config::DqnConfig;
use super::learner::Learner;
use super::metrics::Tally;
use crate::bits;
use crate::nstep::NStep;
use crate::optim::Adam;
use crate::qnet::{QNet, Single};
use crate::replay::Replay;

/// The whole state of a [`DoubleDqn`]: settings, both networks, optimiser, replay with its priorities, open
/// trajectory, pending decisions, random stream, counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DoubleDqnState {
    config: DqnConfig,
    stream: Stream,
    #[serde(with = "bits::f32s")]
    parameters: Vec<f32>,
    #[serde(with = "bits::f32s")]
    target: Vec<f32>,
    adam: Adam,
    updates: u64,
    replay: Replay,
    nstep: NStep,
    pending: VecDeque<Decision>,
    idle: BTreeSet<(u64, usize)>,
    counters: Counters,
    tally: Tally,
}

impl Snapshot for DoubleDqn {
    const SCHEMA: &'static str = "rl-selector/double-dqn";
    const VERSION: u32 = 1;
    type State = DoubleDqnState;

    fn snapshot(&self) -> DoubleDqnState {
        DoubleDqnState {
            config: self.config.clone(),
            stream: self.stream.clone(),
            parameters: self.learner.net.parameters().to_vec(),
            target: self.learner.target.parameters().to_vec(),
            adam: self.learner.adam.clone(),
            updates: self.learner.updates,
            replay: self.replay.clone(),
            nstep: self.nstep.clone(),
            pending: self.pending.clone(),
            idle: self.idle.clone(),
            counters: self.counters.clone(),
            tally: self.tally.clone(),
        }
    }

    /// Takes up everything, the settings among it.
    fn restore(&mut self, state: DoubleDqnState) -> Result<(), RestoreError> {
        let body = |message: &str| RestoreError::Body(message.into());
        state.config.validate().map_err(|e| RestoreError::Body(e.to_string()))?;
        let DoubleDqnState { config, parameters, target, adam, updates, replay, .. } = state;
        let (width, actions) = (config.rl.state_dim, config.rl.action_dim);
        let fault = replay.fault(config.rl.buffer_capacity, width, actions, config.rl.prioritized_replay);
        if let Some(fault) = fault {
            return Err(body(fault));
        }
        if !state.nstep.fits(config.n_step, config.rl.gamma, width, actions) {
            return Err(body("the open trajectory does not fit the configuration"));
        }
        if state.tally.arms_len() != actions {
            return Err(body("the tally counts another number of arms"));
        }
        let decisions = state.counters.decisions;
        if !is_sound(&state.pending, decisions, width, actions)
            || state.idle.iter().any(|(id, arm)| *id >= decisions || *arm >= actions)
        {
            return Err(body("the pending decisions do not fit the configuration"));
        }
        let count = |name: &str| body(&format!("the {name} has another number of parameters"));
        let net = QNet::with_parameters(config.shape(), parameters).ok_or_else(|| count("network"))?;
        let target = QNet::with_parameters(config.shape(), target).ok_or_else(|| count("target"))?;
        if !adam.fits(net.parameters().len()) {
            return Err(count("optimiser"));
        }
        *self = Self {
            learner: Learner::with(&config, net, target, adam, updates),
            stream: state.stream,
            replay,
            nstep: state.nstep,
            pending: state.pending,
            idle: state.idle,
            counters: state.counters,
            tally: state.tally,
            single: Single::new(),
            config,
        };
        Ok(())
    }
}

fn is_sound(pending: &VecDeque<Decision>, decisions: u64, width: usize, actions: usize) -> bool {
    let fits = |decision: &Decision| {
        let outcome = match &decision.outcome {
            Some(Outcome::Reward { reward, next }) => {
                reward.is_finite() && next.as_ref().is_none_or(|next| next.len() == width)
            }
            _ => true,
        };
        outcome && decision.state.len() == width && decision.action < actions && decision.id < decisions
    };
    pending.iter().all(fits) && pending.iter().zip(pending.iter().skip(1)).all(|(a, b)| a.id < b.id)
}
