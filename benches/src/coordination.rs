//! What coordination costs and brings; `--bin coordination` says what is measured.

pub mod budget;
pub mod conflicts;
pub mod idle;
pub mod policy;
pub mod predict;
pub mod regularise;
pub mod schedule;
pub mod throughput;
