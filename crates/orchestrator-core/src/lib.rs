//! Composes the pillars into one search over prompts, structure and hyperparameters.
//!
//! [`run`] is the loop: it asks an optimizer, has candidates evaluated, records every event and can be resumed bit for
//! bit. [`checkpoint`] shortens resuming.

pub mod checkpoint;
pub mod run;
pub mod system;
