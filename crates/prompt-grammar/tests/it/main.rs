//! Laws and parity of the prompt optimizers, through their public interface.

mod config;
mod conformance;
mod drive;
mod ending;
mod evolution;
mod evolve;
mod flat;
mod forest;
mod gepa_laws;
mod grammar;
mod growth;
mod hostile;
mod landscape;
mod model;
mod operators;
mod outlines;
mod parity;
mod parsing;
mod sampling;
mod soak;
mod structural;
mod system;
