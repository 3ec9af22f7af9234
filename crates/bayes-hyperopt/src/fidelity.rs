//! Gaussian processes over points and fidelities together, and which fidelity is worth its cost.

mod choice;
mod model;
mod rows;
mod strategy;

pub use strategy::MultiFidelity;
