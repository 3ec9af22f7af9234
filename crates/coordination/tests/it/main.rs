//! Coordination as its users drive it.
mod admission;
mod coordinator;
mod histories;
mod ledger;
mod run;
mod stop;
