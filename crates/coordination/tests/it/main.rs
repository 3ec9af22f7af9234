//! Coordination as its users drive it.
mod admission;
mod budget;
mod coordinator;
mod governor;
mod histories;
mod ledger;
mod predict;
mod regularise;
mod run;
mod settings;
mod stop;
