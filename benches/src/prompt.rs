//! What the prompt pillar is measured on; `--bin prompt` says how.

pub mod attribution;
pub mod derive;
pub mod ge;
pub mod promptscape;
