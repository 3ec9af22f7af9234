//! Integration tests of the crate.

mod cached;
#[cfg(feature = "hosted")]
mod canary;
#[cfg(feature = "hosted")]
mod hosted;
mod metered;
mod properties;
#[cfg(feature = "hosted")]
mod server;
