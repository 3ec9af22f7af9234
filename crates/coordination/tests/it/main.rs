//! Coordination as its users drive it.
mod admission;
mod budget;
mod coordinator;
mod damage;
mod governor;
mod histories;
mod kill;
mod ledger;
mod model;
mod predict;
mod regularise;
mod run;
mod settings;
mod stop;
