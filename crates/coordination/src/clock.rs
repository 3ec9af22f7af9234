use std::fmt;
use std::time::Duration;

/// Tells the time since some start. Never goes back.
pub trait Clock: Send + Sync {
    /// The time since the start.
    fn now(&self) -> Duration;
}

/// The machine's clock: the crate's edge to the system.
#[derive(Clone, Copy)]
pub struct MachineClock(edge::Start);

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the one clock of the crate")]
mod edge {
    /// The start of a clock.
    pub(super) type Start = std::time::Instant;

    pub(super) fn start() -> Start {
        Start::now()
    }
}

impl Default for MachineClock {
    fn default() -> Self {
        Self(edge::start())
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl fmt::Debug for MachineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MachineClock")
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
///
/// ```
/// use std::time::Duration;
/// use coordination::{Clock, ManualClock};
/// let clock = ManualClock::default();
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(clock.now(), Duration::from_secs(3));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicU64);

impl ManualClock {
    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, std::sync::atomic::Ordering::SeqCst);
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}
