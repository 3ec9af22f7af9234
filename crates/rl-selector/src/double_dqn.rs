//! The deep selector: Double-DQN with what the field has added to it since.

mod agent;
mod config;
mod fit;
mod learner;
mod loss;
mod metrics;
mod offline;
mod selector;
mod snapshot;

pub use agent::{DoubleDqn, Experience};
pub use config::{DqnConfig, Engine};
pub use metrics::{ArmMetrics, DqnMetrics};
pub use snapshot::DoubleDqnState;
