//! The memory limit: measured, not guessed. Readings are given by the caller; [`resident`] takes them on this machine.

mod guard;
mod machine;

pub use guard::{MemoryGuard, MemoryHold, MemoryShort};
pub use machine::resident;
