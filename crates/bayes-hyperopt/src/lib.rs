//! Bayesian optimisation of mixed, conditional, multi-fidelity hyperparameters.
//!
//! Present today: the contracts. [`HyperOptConfig`] holds the settings with their ranges, [`Acquisition`] and
//! [`KernelKind`] the choices among methods, [`FidelityLevel`] the three fidelities users name. Spaces, models and the
//! optimizer are not part of this version; what they will implement is [`meta_traits::Optimizer`].
//!
//! ```
//! use bayes_hyperopt::{Acquisition, HyperOptConfig};
//! let config = HyperOptConfig { acquisition_function: Acquisition::UpperConfidenceBound, ..Default::default() };
//! assert_eq!(config.validate(), Ok(()));
//! ```

mod choice;
mod config;
mod error;
mod level;
mod range;

pub use choice::{Acquisition, KernelKind};
pub use config::HyperOptConfig;
pub use error::ConfigError;
pub use level::FidelityLevel;
