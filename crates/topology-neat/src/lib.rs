//! Evolves which structure a network or an agent workflow should have.
//!
//! Present today: the contracts. [`TopologyConfig`] holds the settings with their ranges, [`MutationKind`] the ways in
//! which a structure may change, [`MODULE_LIBRARY`] the names of the modules that may be added. Genomes,
//! species, prediction and the optimizer are not part of this version; what they will implement is
//! [`meta_traits::Optimizer`].
//!
//! ```
//! use topology_neat::{MutationKind, TopologyConfig};
//! let config: TopologyConfig = TopologyConfig { mutation_types: MutationKind::ALL.to_vec(), ..Default::default() };
//! assert_eq!(config.validate(), Ok(()));
//! ```

mod config;
mod error;
mod mutation;
mod range;

pub use config::TopologyConfig;
pub use error::ConfigError;
pub use mutation::{MODULE_LIBRARY, MutationKind};
