//! The evaluation scheduler.

mod cholesky;
mod posterior;

pub use posterior::{Effects, Estimate, PartId, Posterior, Prior};
