//! What `--bin topology` measures.

pub mod flowsim;
#[cfg(feature = "nas")]
pub mod nas;
pub mod networks;
pub mod pole;
pub mod throughput;
