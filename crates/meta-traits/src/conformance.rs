//! Law checks for every implementation of the traits, to be run in its own tests.
//!
//! Whoever writes an optimizer, selector, predictor, space, snapshot or evaluator runs the check of its trait; what
//! passes works with every driver of the project. A check drives real objects through their public interface
//! and stops at the first broken law, which it names:
//!
//! | trait | check | laws |
//! |---|---|---|
//! | [`crate::Optimizer`] | [`optimizer`] | [`OPTIMIZER_LAWS`] |
//! | [`crate::Optimizer`] + [`crate::Snapshot`] | [`optimizer_snapshot`] | [`OPTIMIZER_SNAPSHOT_LAWS`] |
//! | [`crate::Selector`] | [`selector`] | [`SELECTOR_LAWS`] |
//! | [`crate::Predictor`] | [`predictor`] | [`PREDICTOR_LAWS`] |
//! | [`crate::Space`] | [`space`] | [`SPACE_LAWS`] |
//! | [`crate::Snapshot`] | [`snapshot`] | [`SNAPSHOT_LAWS`] |
//! | [`crate::Evaluator`] | [`evaluator`] | [`EVALUATOR_LAWS`] |
//!
//! Each has a twin `check_*` that panics with the violation, for use in tests.
//!
//! # Limits
//! A pass is evidence, not proof: the checks see what they drive. An `ask` that never returns cannot be caught from
//! inside its own thread. Values are compared by their `Debug` form, which for floats is exact; a candidate
//! whose `Debug` hides a part of it is compared without that part.
//!
//! # Determinism
//! All choices of a check come from [`crate::Stream`]s of the seeds it is given.

mod evaluator;
mod functions;
mod optimizer;
mod predictor;
mod selector;
mod snapshot;
mod space;
mod violation;

pub use evaluator::{EVALUATOR_LAWS, EvaluatorCheck, block_on, check_evaluator, evaluator};
pub use functions::{DIMENSIONS, TestFunction};
pub use optimizer::{
    Check, OPTIMIZER_LAWS, OPTIMIZER_SNAPSHOT_LAWS, check_optimizer, check_optimizer_snapshot, optimizer,
    optimizer_snapshot,
};
pub use predictor::{PREDICTOR_LAWS, PredictorCheck, check_predictor, predictor};
pub use selector::{SELECTOR_LAWS, SelectorCheck, check_selector, selector};
pub use snapshot::{SNAPSHOT_LAWS, SnapshotCheck, check_snapshot, snapshot};
pub use space::{SPACE_LAWS, SpaceCheck, check_space, space};
pub use violation::Violation;
