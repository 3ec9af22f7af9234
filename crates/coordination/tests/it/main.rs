//! Coordination as its users drive it.
mod admission;
mod coordinator;
mod histories;
mod stop;
