//! Settings of the whole orchestrator, from layers: profile, file, environment, explicit.
//!
//! [`MetaOrchestratorConfig`] holds the settings of the five components and those of the run. [`RawConfig`] collects
//! the layers they come from and remembers of each value where it was set ([`Origin`]). [`fields`] lists every field
//! with its range and its variable.

mod field;
mod file;
mod kind;
mod origin;
mod profile;
mod raw;
mod schema;
mod settings;
mod table;
mod tree;
mod variables;

#[cfg(test)]
mod each_field;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod recipes;
#[cfg(test)]
mod round_trip;

/// How far spending may leave the shares of the mode, and why.
pub use coordination::budget::Strategy as BudgetAllocationStrategy;
pub use coordination::budget::{OptimizationMode, Shares};
pub use field::{Field, fields};
pub use file::Format;
pub use origin::Origin;
pub use profile::{ConfigProfiles, Profile};
pub use raw::{RawConfig, ResolvedConfig};
pub use schema::schema;
pub use settings::MetaOrchestratorConfig;
