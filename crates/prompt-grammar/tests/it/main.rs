//! Laws and parity of the prompt optimizers, through their public interface.

mod conformance;
mod drive;
mod evolution;
mod evolve;
mod gepa_laws;
mod grammar;
mod growth;
mod landscape;
mod model;
mod operators;
mod outlines;
mod parity;
mod sampling;
mod soak;
mod structural;
