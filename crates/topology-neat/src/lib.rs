//! Evolves which structure a network or an agent workflow should have.
//!
//! [`TopologyConfig`] holds the settings with their ranges, [`MutationKind`] the ways in which a structure may change,
//! [`MODULE_LIBRARY`] the names of the seed's modules. A [`Workflow`] is an agent workflow: a typed acyclic graph in
//! canonical form. [`WorkflowSearch`] searches for one: evolution, screened by a [`StructurePredictor`] where asked for,
//! with repeats of leaders, as a [`meta_traits::Optimizer`]. A [`Genome`] is a graph of nodes and edges named by content;
//! [`Neat`] evolves those that are neural networks, by species that learn their weights.
//!
//! ```
//! use topology_neat::{MutationKind, TopologyConfig};
//! let config: TopologyConfig = TopologyConfig { mutation_types: MutationKind::ALL.to_vec(), ..Default::default() };
//! assert_eq!(config.validate(), Ok(()));
//! ```

mod archive;
mod config;
mod crossover;
mod distance;
pub mod draw;
mod error;
mod gate;
mod genome;
mod innovation;
mod mutate;
mod mutation;
mod network;
mod optimizer;
mod pareto;
mod phase;
mod phenotype;
mod predictor;
mod range;
mod species;
mod strategy;
mod workflow;

pub use archive::Niche;
pub use config::TopologyConfig;
pub use crossover::{Fitter, crossover};
pub use distance::{Compatibility, distance};
pub use draw::Diagram;
pub use error::{ConfigError, NeatError};
pub use genome::{Edge, Flow, Genome, GenomeError, Node, NodeKind, Role};
pub use innovation::Innovation;
pub use mutate::NetworkEdit;
pub use mutation::{MODULE_LIBRARY, MutationKind};
pub use network::{Activation, NetworkGenome, NetworkSpace};
pub use optimizer::{GenerationReport, Neat, NeatOptions, NeatState, SpeciesReport};
pub use pareto::{crowding, fronts};
pub use phenotype::Network;
pub use predictor::{Calibration, StructurePredictor};
pub use workflow::{
    Arm, Draft, Edit, Library, Module, ModuleKind, Port, Record, SearchOptions, SearchState, Variety,
    Workflow, WorkflowError, WorkflowSearch, WorkflowSpace,
};
