//! What `--bin topology` measures.

pub mod flowsim;
pub mod networks;
pub mod pole;
pub mod throughput;
