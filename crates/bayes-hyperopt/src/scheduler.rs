//! Searches that spend little on most points and much on few: by rungs of fidelity, without a model across them.
//!
//! A point that is raised to the next rung is asked for again at the higher fidelity; a driver that kept the evaluation
//! pays only for the rest.

mod asha;
mod dehb;
mod history;
mod hyperband;
mod kde;
mod levels;
mod process;

pub use asha::{Asha, AshaNote};
pub use dehb::{Dehb, Target};
pub use history::{History, Sampler, Seen, Uniform};
pub use hyperband::Hyperband;
pub use kde::Kde;
pub use levels::{Levels, LevelsError};
pub use process::Process;

/// BOHB: [`Hyperband`] with points from [`Kde`] densities (Falkner, Klein & Hutter 2018).
pub type Bohb = Hyperband<Kde>;

/// MOBSTER: [`Asha`] with points from a Gaussian [`Process`] (Klein et al. 2020).
pub type Mobster = Asha<Process>;
