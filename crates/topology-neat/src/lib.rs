//! Evolves which structure a network or an agent workflow should have.
//!
//! [`TopologyConfig`] holds the settings with their ranges, [`MutationKind`] the ways in which a structure may change,
//! [`MODULE_LIBRARY`] the names of the seed's modules. A [`Workflow`] is an agent workflow: a typed acyclic graph in
//! canonical form. [`WorkflowSearch`] searches for one: evolution, screened by a [`StructurePredictor`] where asked for,
//! with repeats of leaders, as a [`meta_traits::Optimizer`].
//!
//! ```
//! use topology_neat::{MutationKind, TopologyConfig};
//! let config: TopologyConfig = TopologyConfig { mutation_types: MutationKind::ALL.to_vec(), ..Default::default() };
//! assert_eq!(config.validate(), Ok(()));
//! ```

mod archive;
mod config;
mod draw;
mod error;
mod gate;
mod mutation;
mod pareto;
mod predictor;
mod range;
mod workflow;

pub use archive::Niche;
pub use config::TopologyConfig;
pub use draw::Diagram;
pub use error::ConfigError;
pub use mutation::{MODULE_LIBRARY, MutationKind};
pub use pareto::{crowding, fronts};
pub use predictor::{Calibration, StructurePredictor};
pub use workflow::{
    Arm, Draft, Edit, Library, Module, ModuleKind, Port, Record, SearchOptions, SearchState, Variety,
    Workflow, WorkflowError, WorkflowSearch, WorkflowSpace,
};
