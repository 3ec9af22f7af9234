//! Learns which optimisation algorithm to run next.
//!
//! [`RLConfig`] holds the settings with their ranges, [`Algorithm`] the six algorithms in the order of their arms,
//! [`features`] the thirteen numbers a decision is based on. [`DoubleDqn`] is the deep selector, [`env`] has worlds to
//! try it in. Every selector implements [`meta_traits::Selector`].
//!
//! [`bandit`] needs nothing before a run; [`Schedule`] and [`Learned`] are learnt offline from traces of other problems,
//! which [`ExperienceStore`] keeps and [`simulator`] replays exactly; [`SafeSwitch`] lets what is learnt act only where
//! it is better than the bandit with confidence. [`Pretrained`] holds weights that ship with the crate.
//!
//! ```
//! use rl_selector::{Algorithm, RLConfig, features};
//! let config = RLConfig::default();
//! assert_eq!(config.action_dim, Algorithm::ALL.len());
//! assert_eq!(config.state_dim, features::NAMES.len());
//! ```

pub mod bandit;
pub mod env;
pub mod features;
pub mod simulator;

mod algorithm;
mod bits;
mod config;
mod cpu;
mod diversity;
mod double_dqn;
mod error;
mod experience;
mod forest;
mod history;
mod learned;
mod nstep;
mod optim;
mod pretrained;
mod qnet;
mod range;
mod replay;
mod reward;
mod schedule;
mod switch;

pub use algorithm::Algorithm;
pub use config::RLConfig;
pub use diversity::{Diverse, DiverseState};
pub use double_dqn::{ArmMetrics, DoubleDqn, DoubleDqnState, DqnConfig, DqnMetrics, Engine, Experience};
pub use error::{ConfigError, DqnError};
pub use experience::{ExperienceError, ExperienceStore};
pub use forest::ForestConfig;
pub use history::History;
pub use learned::{Learned, LearnedSelector};
pub use pretrained::Pretrained;
pub use reward::{RewardShape, Step};
pub use schedule::{Schedule, Scheduled};
pub use switch::{SafePolicy, SafeSwitch, SafeSwitchState, SafetyConfig, Validation, Why};
