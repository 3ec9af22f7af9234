//! Learns which optimisation algorithm to run next.
//!
//! Present today: the contracts. [`RLConfig`] holds the settings with their ranges, [`Algorithm`] the six algorithms
//! in the order of their arms, [`features`] the thirteen numbers a decision is based on. The selector itself
//! (bandit, schedule, deep Q network) is not part of this version; what it will implement is
//! [`meta_traits::Selector`].
//!
//! ```
//! use rl_selector::{Algorithm, RLConfig, features};
//! let config = RLConfig::default();
//! assert_eq!(config.action_dim, Algorithm::ALL.len());
//! assert_eq!(config.state_dim, features::NAMES.len());
//! ```

pub mod features;

mod algorithm;
mod config;
mod error;
mod range;

pub use algorithm::Algorithm;
pub use config::RLConfig;
pub use error::ConfigError;
