//! Bayesian optimisation of mixed, conditional, multi-fidelity hyperparameters.
//!
//! [`SearchSpace`] says what may be searched: floats, logs, whole numbers, levels, choices, conditional trees, forbidden
//! combinations, known constraints. [`HyperOptConfig`] holds the settings with their ranges, [`Acquisition`] and
//! [`KernelKind`] the choices among methods, [`FidelityLevel`] the three fidelities users name. [`baseline`] and
//! [`scheduler`] are searches without a Gaussian process, [`doe`] holds designs.
//!
//! ```
//! use bayes_hyperopt::{Acquisition, HyperOptConfig};
//! let config = HyperOptConfig { acquisition_function: Acquisition::UpperConfidenceBound, ..Default::default() };
//! assert_eq!(config.validate(), Ok(()));
//! ```

mod acquisition;
pub mod baseline;
mod choice;
mod config;
pub mod cost;
pub mod doe;
mod error;
pub mod fidelity;
mod full;
mod gp;
mod kernel;
mod level;
mod maximize;
pub mod multi;
mod numerics;
mod optimizer;
mod range;
pub mod scheduler;
mod space;
pub mod stopping;
mod surrogate;
pub mod transfer;

pub use choice::{Acquisition, KernelKind};
pub use config::HyperOptConfig;
pub use error::{ConfigError, SpaceError};
pub use level::FidelityLevel;
pub use optimizer::{BayesOptimizer, Explanation, State as BayesState};
pub use space::{
    Condition, Configuration, Constraint, Domain, Forbidden, INACTIVE, Parameter, SearchSpace, Value,
};
pub use surrogate::Surrogate;
