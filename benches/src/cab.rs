//! The simulated compound system as a bench: metric calls to reach a held-out quality.
//!
//! Optimizers run under the product's own run loop with the event log on. What they recommend after so many calls is
//! scored by Q, which no optimizer sees, and normalised: 0 is the seed, 1 the best candidate known.

mod best;
mod curve;
mod run;
mod summary;

pub use best::{Known, best_known, reference};
pub use curve::{AT, Curve, LEVELS, Step};
pub use run::{Finished, Operators, Searcher, Settings, run};
pub use summary::{Raw, Row, Rows, table};
