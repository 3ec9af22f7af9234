//! Who may spend how much: caps reserved before, truth settled after, and every component's part.
//!
//! **No overspending.** What is reserved is the *enforced cap* ([`CallCap`]): counted input and the limit on output that the
//! model server is given, priced, and the time after which the call is given up. Where nobody knows what a call used, the cap
//! counts. Predicted quantiles never enter.
//!
//! A [`Purse`] joins the run's [`Meter`](meta_traits::Meter), which guards every unit, with an [`Allocation`], which divides
//! one of them by the [`OptimizationMode`]'s [`Shares`].

mod allocation;
mod cap;
mod mode;
mod purse;
mod shares;
mod strategy;

pub use allocation::{Allocation, OverShare};
pub use cap::CallCap;
pub use mode::OptimizationMode;
pub use purse::{Hold, Purse, PurseError, PurseState};
pub use shares::{Shares, SharesError};
pub use strategy::Strategy;
