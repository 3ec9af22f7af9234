use rl_selector::{DoubleDqn, DqnConfig, RLConfig};

mod laws;
mod masks;
mod overestimation;
mod resume;
mod settings;
mod tabular;
mod variants;

/// A small and quick agent: one hidden layer, early learning.
pub(crate) fn small(state_dim: usize, action_dim: usize) -> DqnConfig {
    let rl = RLConfig {
        state_dim,
        action_dim,
        hidden_dims: vec![32],
        buffer_capacity: 1000,
        batch_size: 16,
        warmup_steps: 100,
        ..RLConfig::default()
    };
    DqnConfig { rl, exploration_steps: 100, ..DqnConfig::default() }
}

pub(crate) fn agent(config: &DqnConfig, seed: u64) -> DoubleDqn {
    DoubleDqn::new(config.clone(), seed).expect("a sound configuration")
}
