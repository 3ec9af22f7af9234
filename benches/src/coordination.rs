//! What coordination costs and brings; `--bin coordination` says what is measured.

pub mod conflicts;
pub mod policy;
pub mod throughput;
