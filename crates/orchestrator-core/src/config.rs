//! The file a run is described by: read, checked, resolved.
//!
//! YAML or JSON. Unknown keys are errors that name the nearest known one; every fault names the file, the place and
//! what is allowed.

mod check;
mod error;
pub mod meta;
mod read;
mod spec;

pub use error::ConfigError;
pub use read::{from_text, nearest};
pub use spec::{
    Algorithm, BudgetSpec, CacheSpec, DataSpec, EvaluatorSpec, ModelSpec, OptimizerSpec, ProposerSpec,
    Provider, ReportSpec, RunConfig, SimulatedSpec, SplitSpec,
};
