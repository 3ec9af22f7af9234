//! Integration tests of the crate.

mod cached;
#[cfg(feature = "hosted")]
mod canary;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "hosted")]
mod faults;
mod gcra;
#[cfg(feature = "hosted")]
mod hosted;
#[cfg(feature = "hosted")]
mod hub;
mod metered;
mod properties;
mod provision;
mod resilient;
#[cfg(feature = "hosted")]
mod server;
