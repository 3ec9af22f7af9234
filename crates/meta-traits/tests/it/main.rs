//! What the contracts promise, seen from outside.

mod broken;
mod contracts;
mod envelope;
mod properties;
mod random_search;
mod vectors;
