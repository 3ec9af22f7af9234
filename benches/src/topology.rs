//! What `--bin topology` measures.

pub mod flowsim;
