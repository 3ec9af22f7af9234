//! Recorded runs of varied systems, and how often a plan's intervals hold them.
//!
//! A seed decides a configuration and its data, which the planner sees as a user's, and hidden traits of the models
//! behind it, which it does not see: tokenizer, answer lengths, latencies, how good a prompt is. Runs go through the
//! product's session and run loop on a clock that jumps ahead whenever everything waits.

mod client;
mod learn;
mod run;
mod summary;
mod system;

pub use learn::learn;
pub use run::{Actual, Recorded, record};
pub use summary::{Coverage, Row, Summary, Unit};
