//! What the prompt pillar is measured on; `--bin prompt` says how.

pub mod attribution;
pub mod promptscape;
