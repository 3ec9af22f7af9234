//! Shared by the bench programs: one program a field under `src/bin`, seeded and repeatable.
//!
//! Every program takes instances and seeds as ranges `A..B` (both ends included), writes raw rows with `--out DIR`,
//! and ends with one JSON object on the last line of its output. Bad arguments end it with status 2.

pub mod bayes;
#[cfg(feature = "systems")]
pub mod cab;
mod clock;
mod command;
pub mod coordination;
#[cfg(feature = "systems")]
pub mod llm;
mod parallel;
#[cfg(feature = "systems")]
pub mod plan;
pub mod prompt;
#[cfg(feature = "systems")]
pub mod race;
mod range;
mod rows;
pub mod selector;
pub mod topology;

pub use clock::processor_seconds;
pub use command::parse;
pub use parallel::in_parallel;
pub use range::Range;
pub use rows::{read_rows, write_rows};
