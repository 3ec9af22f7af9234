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
#[cfg(feature = "hosted")]
mod llama_server;
mod metered;
mod properties;
#[cfg(feature = "genai")]
mod providers;
mod provision;
mod resilient;
#[cfg(feature = "hosted")]
mod server;
