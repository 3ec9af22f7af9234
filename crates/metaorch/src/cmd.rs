//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod eval;
pub(crate) mod experience;
pub(crate) mod export;
pub(crate) mod mock;
pub(crate) mod model;
pub(crate) mod plan;
pub(crate) mod prompt;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod tune;
