//! Contracts of MetaOrchestrator, and no algorithms.
//!
//! Every pillar (`rl-selector`, `topology-neat`, `bayes-hyperopt`, `prompt-grammar`) implements the
//! traits of this crate and depends on nothing else of the project; drivers are written against the traits.
//!
//! **The one decision:** the core is synchronous and asks nothing of the outside. An [`Optimizer`] is a state
//! machine that hands out work ([`Ask`]) and is told results ([`Outcome`]); whoever drives it does the waiting,
//! counting and paying. The price is that text a model must write comes back through [`Ask::Query`] instead of a
//! call; the gain is that every implementation can be replayed, snapshotted, property-tested and model-checked.
//!
//! Losses are minimised inside. The direction of the user's metric is applied once, at the edge.
//!
//! ```
//! use meta_traits::{Ask, Fidelity, Instances, Observation, Outcome, Trial, TrialId};
//!
//! let trial = Trial::new(TrialId(0), 0.25_f64, Fidelity::FULL, Instances::Driver);
//! let outcome = Outcome::Complete(Observation::of_loss((trial.candidate - 1.0).powi(2)));
//! assert!(matches!(Ask::Run(trial), Ask::Run(t) if t.fidelity == Fidelity::FULL));
//! assert_eq!(outcome.loss(), Some(0.5625));
//! ```
#![no_std]

extern crate alloc;
#[cfg(feature = "conformance")]
extern crate std;

mod components;
mod cost;
mod error;
mod evaluator;
mod event;
mod fidelity;
mod objective;
mod optimizer;
mod predict;
mod select;
mod snapshot;
mod space;
mod stream;
mod trial;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use components::Components;
pub use cost::{Budget, Cost, Exhausted, Lease, Meter, Unit};
pub use error::{Classify, ErrorKind, RestoreError, TellError};
pub use evaluator::{Batching, BoxFuture, Evaluator, InProcess};
pub use event::{Event, Level as EventLevel, Sink};
pub use fidelity::{Fidelity, FidelityError};
pub use objective::Objective;
pub use optimizer::{Ask, Optimizer, Query, QueryId, Reply, StopReason, Verdict};
pub use predict::{Part, Prediction, Predictor, SparseFeatures};
pub use select::{Choice, ChoiceId, HandOn, Level, Selector};
pub use snapshot::{DynSnapshot, Envelope, Snapshot};
pub use space::Space;
pub use stream::Stream;
pub use trial::{Draw, ExampleId, Instances, Note, Observation, Outcome, Scored, Split, Trial, TrialId};
