use meta_traits::Cost;
use serde::{Deserialize, Serialize};

/// What a task uses and a plan must foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resource {
    /// Model calls.
    Calls,
    /// Tokens read and written.
    Tokens,
    /// Seconds of work.
    Seconds,
    /// Bytes of memory beyond those held before.
    Memory,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 4] = [Self::Calls, Self::Tokens, Self::Seconds, Self::Memory];
}

/// What a task has used of every [`Resource`]. Amounts are finite and at least 0.
///
/// ```
/// use std::time::Duration;
/// use coordination::predict::{Resource, Usage};
/// use meta_traits::Cost;
/// let used = Usage::new(Cost::tokens(2, 900, 100).with_wall(Duration::from_millis(1500)), 4096);
/// assert_eq!(used.of(Resource::Tokens), 1000.0);
/// assert_eq!(used.of(Resource::Seconds), 1.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage([f64; 4]);

impl Usage {
    /// The calls, tokens and time of `cost`, and so many bytes of memory.
    pub fn new(cost: Cost, memory: u64) -> Self {
        let tokens = cost.tokens_in.saturating_add(cost.tokens_out);
        Self([cost.calls as f64, tokens as f64, cost.wall.as_secs_f64(), memory as f64])
    }

    /// The amount of one resource.
    pub fn of(&self, resource: Resource) -> f64 {
        self.0[resource as usize]
    }
}
