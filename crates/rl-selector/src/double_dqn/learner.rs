use meta_traits::Stream;

use super::config::{DqnConfig, Engine};
use super::loss::Objective;
use crate::cpu::Cpu;
use crate::optim::{Adam, approach, norm_squared};
use crate::qnet::{Pass, QNet};
use crate::replay::{Draw, Replay};

/// What passes a batch through a network and back.
#[derive(Clone, Debug)]
enum Passes {
    Fused(Pass),
    #[cfg(feature = "candle")]
    Candle(crate::qnet::reference::Graph),
}

impl Passes {
    fn new(engine: Engine) -> Self {
        match engine {
            Engine::Fused => Self::Fused(Pass::new()),
            #[cfg(feature = "candle")]
            Engine::Candle => Self::Candle(crate::qnet::reference::Graph::default()),
        }
    }

    /// Outputs of `states`; `None` when the engine fails.
    fn forward(&mut self, net: &QNet, states: &[f32]) -> Option<&[f32]> {
        match self {
            Self::Fused(pass) => Some(pass.forward(net, states)),
            #[cfg(feature = "candle")]
            Self::Candle(graph) => graph.forward(net, states).ok(),
        }
    }

    fn backward(&mut self, net: &QNet, states: &[f32], slope: &[f32], gradient: &mut [f32]) -> Option<()> {
        match self {
            Self::Fused(pass) => pass.backward(net, states, slope, gradient),
            #[cfg(feature = "candle")]
            Self::Candle(graph) => graph.backward(net, slope, gradient).ok()?,
        }
        Some(())
    }
}

/// The learning network, its target, its optimiser, and the buffers of a gradient step.
#[derive(Clone, Debug)]
pub(crate) struct Learner {
    pub(crate) net: QNet,
    pub(crate) target: QNet,
    pub(crate) adam: Adam,
    pub(crate) updates: u64,
    pub(crate) cpu: Cpu,
    passes: Passes,
    buffers: Buffers,
}

#[derive(Clone, Debug, Default)]
struct Buffers {
    draw: Draw,
    learning: Vec<f32>,
    targets: Vec<f32>,
    slope: Vec<f32>,
    errors: Vec<f32>,
    gradient: Vec<f32>,
}

impl Learner {
    /// A fresh network of this form; its target is equal to it.
    pub(crate) fn new(config: &DqnConfig, rng: &Stream) -> Self {
        let net = QNet::new(config.shape(), &rng.child("network", 0));
        let adam = Adam::new(net.parameters().len(), config.rl.learning_rate);
        Self::with(config, net.clone(), net, adam, 0)
    }

    /// Takes up saved parts.
    pub(crate) fn with(config: &DqnConfig, net: QNet, target: QNet, adam: Adam, updates: u64) -> Self {
        let passes = Passes::new(config.engine);
        Self { net, target, adam, updates, cpu: Cpu::detect(), passes, buffers: Buffers::default() }
    }

    /// Puts these parameters in the place of network and target; the optimiser forgets its moments.
    pub(crate) fn replace(&mut self, config: &DqnConfig, parameters: &[f32]) {
        self.net.parameters_mut().copy_from_slice(parameters);
        self.target.parameters_mut().copy_from_slice(parameters);
        self.adam = Adam::new(parameters.len(), config.rl.learning_rate);
    }

    /// One gradient step on a batch of `replay`; its loss. `None`, and nothing changed, when there is no experience or
    /// the gradient is not finite.
    pub(crate) fn step(&mut self, config: &DqnConfig, replay: &mut Replay, rng: &Stream) -> Option<f64> {
        let Self { net, target, adam, updates, cpu, passes, buffers } = self;
        let Buffers { draw, learning, targets, slope, errors, gradient } = buffers;
        let priorities = config.priorities();
        replay.draw(config.rl.batch_size, &priorities, *updates, &mut rng.child("draw", *updates), draw);
        if draw.slots.is_empty() {
            return None;
        }
        let objective = Objective {
            shape: net.shape(),
            double: config.rl.double_q_learning,
            conservative: config.conservative as f32,
        };
        if objective.double {
            learning.clear();
            learning.extend_from_slice(passes.forward(net, &draw.batch.next_states)?);
        }
        let judged = passes.forward(target, &draw.batch.next_states)?;
        objective.targets(draw, if objective.double { learning } else { judged }, judged, targets);
        let outputs = passes.forward(net, &draw.batch.states)?;
        let loss = objective.slope(draw, outputs, targets, slope, errors);
        gradient.resize(net.parameters().len(), 0.0);
        passes.backward(net, &draw.batch.states, slope, gradient)?;
        let norm = norm_squared(*cpu, gradient).sqrt();
        if !norm.is_finite() {
            return None;
        }
        let limit = config.gradient_limit as f32;
        let scale = if norm > limit { limit / norm } else { 1.0 };
        adam.step(*cpu, net.parameters_mut(), gradient, scale, 1.0);
        approach(*cpu, target.parameters_mut(), net.parameters(), config.rl.tau as f32);
        replay.update(&draw.slots, errors, &priorities);
        *updates += 1;
        Some(loss)
    }
}
