//! What the prompt pillar is measured on; `--bin prompt` says how.

pub mod attribution;
pub mod derive;
pub mod ge;
pub mod overhead;
pub mod patterns;
pub mod promptscape;
