//! The embedded engine on a tiny model that the tests write themselves, and on the real one where it is at hand.

mod embedder;
mod files;
mod fuzz;
mod real;
mod reference;
mod requests;
mod tiny;
