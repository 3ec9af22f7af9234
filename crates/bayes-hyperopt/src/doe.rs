//! Designs: points of the unit cube that fill it evenly.

mod directions;
mod latin;
mod sobol;

pub use latin::latin_hypercube;
pub use sobol::Sobol;
