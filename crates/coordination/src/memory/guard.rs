use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

/// Bytes in a mebibyte, the unit of `memory_limit_mb`.
const MIB: u64 = 1 << 20;

/// Keeps the process within a memory limit: lets tasks start only if what is measured and what they are expected to take
/// fits.
///
/// Expected: the sum of what running tasks reserved on top of what was measured while none ran, or what is measured now if
/// that is more. Expectations may be wrong; measurements are not, so once the limit is passed nothing starts, and
/// [`MemoryGuard::excess`] says how much must be given up.
///
/// ```
/// use coordination::memory::MemoryGuard;
/// let mib = 1 << 20;
/// let mut guard = MemoryGuard::new(Some(512));
/// guard.observe(200 * mib);
/// let hold = guard.reserve(250 * mib)?;
/// let error = guard.reserve(100 * mib).unwrap_err();
/// assert_eq!(error.to_string(), "coordination: a task needs 100 MiB and 450 of 512 MiB are taken; \
///     let running tasks end, or raise memory_limit_mb");
/// guard.release(hold);
/// assert!(guard.reserve(100 * mib).is_ok());
/// # Ok::<(), coordination::memory::MemoryShort>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryGuard {
    limit: Option<u64>,
    /// The latest measurement, and the largest.
    resident: u64,
    peak: u64,
    /// The latest measurement while nothing was reserved.
    idle: u64,
    reserved: u64,
}

/// Memory set aside for a task. Give it back with [`MemoryGuard::release`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "release the hold, or its memory stays set aside"]
pub struct MemoryHold(u64);

/// A task that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("coordination: a task needs {} MiB and {} of {} MiB are taken; let running tasks end, or raise memory_limit_mb",
    .asked.div_ceil(MIB), .taken.div_ceil(MIB), .limit / MIB)]
#[non_exhaustive]
pub struct MemoryShort {
    /// Bytes asked for.
    pub asked: u64,
    /// Bytes measured or expected before.
    pub taken: u64,
    /// The limit in bytes.
    pub limit: u64,
}

impl Classify for MemoryShort {
    fn kind(&self) -> ErrorKind {
        // Tasks that end give back what they hold.
        ErrorKind::Transient
    }
}

impl MemoryGuard {
    /// A limit in mebibytes, as `memory_limit_mb` has it; `None` is no limit.
    pub fn new(limit_mb: Option<u64>) -> Self {
        Self { limit: limit_mb.map(|mb| mb.saturating_mul(MIB)), ..Self::default() }
    }

    /// Takes notice of a measurement in bytes, such as [`resident`](super::resident) gives.
    pub fn observe(&mut self, resident: u64) {
        self.resident = resident;
        self.peak = self.peak.max(resident);
        if self.reserved == 0 {
            self.idle = resident;
        }
    }

    /// Bytes measured or expected, whichever is more.
    pub fn taken(&self) -> u64 {
        self.resident.max(self.idle.saturating_add(self.reserved))
    }

    /// The largest measurement.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Bytes measured beyond the limit: what must be given up at once. 0 if all is well.
    pub fn excess(&self) -> u64 {
        self.limit.map_or(0, |limit| self.resident.saturating_sub(limit))
    }

    /// Sets memory aside for a task that is expected to take `bytes`.
    ///
    /// # Errors
    /// [`MemoryShort`]; nothing is set aside then.
    pub fn reserve(&mut self, bytes: u64) -> Result<MemoryHold, MemoryShort> {
        let taken = self.taken();
        if let Some(limit) = self.limit
            && (taken > limit || bytes > limit - taken)
        {
            return Err(MemoryShort { asked: bytes, taken, limit });
        }
        self.reserved = self.reserved.saturating_add(bytes);
        Ok(MemoryHold(bytes))
    }

    /// Gives back what a task that ended had set aside.
    #[expect(clippy::needless_pass_by_value, reason = "a hold that is taken cannot be used twice")]
    pub fn release(&mut self, hold: MemoryHold) {
        self.reserved = self.reserved.saturating_sub(hold.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_rule_over_expectations() {
        let mut guard = MemoryGuard::new(Some(100));
        guard.observe(40 * MIB);
        let hold = guard.reserve(20 * MIB).unwrap();
        assert_eq!(guard.taken(), 60 * MIB);
        guard.observe(90 * MIB);
        assert_eq!((guard.taken(), guard.excess()), (90 * MIB, 0), "the task takes more than was expected");
        assert!(guard.reserve(10 * MIB).is_ok(), "to the byte");
        assert_eq!(guard.reserve(10 * MIB + 1).unwrap_err().taken, 90 * MIB);
        guard.observe(101 * MIB);
        assert_eq!((guard.excess(), guard.peak()), (MIB, 101 * MIB));
        assert!(guard.reserve(0).is_err(), "past the limit nothing starts");
        guard.observe(50 * MIB);
        assert_eq!((guard.taken(), guard.excess(), guard.peak()), (70 * MIB, 0, 101 * MIB));
        guard.release(hold);
        assert_eq!(guard.taken(), 50 * MIB);
    }

    #[test]
    fn without_a_limit_everything_fits_and_nothing_wraps() {
        let mut guard = MemoryGuard::new(None);
        guard.observe(u64::MAX);
        let holds = [guard.reserve(u64::MAX).unwrap(), guard.reserve(u64::MAX).unwrap()];
        assert_eq!((guard.taken(), guard.excess()), (u64::MAX, 0));
        for hold in holds {
            guard.release(hold);
        }
        let mut guard = MemoryGuard::new(Some(u64::MAX));
        assert!(guard.reserve(u64::MAX).is_ok() && guard.reserve(1).is_err());
    }
}
