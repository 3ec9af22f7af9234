//! The simulated compound system against its reference implementation and its own laws.
mod best;
mod evaluation;
mod labels;
mod reference;
mod reflection;
