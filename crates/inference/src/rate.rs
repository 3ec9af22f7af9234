use std::time::Duration;

/// Nanoseconds of a minute.
const MINUTE: u128 = 60_000_000_000;

/// So many units a minute, and so many at once.
///
/// ```
/// use inference::Rate;
/// assert_eq!(Rate::requests_per_minute(600), Rate::new(600, 10));
/// assert_eq!(Rate::tokens_per_minute(30_000), Rate::new(30_000, 30_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: u64,
    burst: u64,
}

impl Rate {
    /// `per_minute` units a minute, of which `burst` may come at once; both are at least 1.
    pub const fn new(per_minute: u64, burst: u64) -> Self {
        Self {
            per_minute: if per_minute == 0 { 1 } else { per_minute },
            burst: if burst == 0 { 1 } else { burst },
        }
    }

    /// Requests, a second's worth at once: endpoints enforce a minute's limit over shorter times too.
    pub const fn requests_per_minute(n: u64) -> Self {
        Self::new(n, n / 60)
    }

    /// Tokens, a minute's worth at once, as endpoints' own buckets have it.
    pub const fn tokens_per_minute(n: u64) -> Self {
        Self::new(n, n)
    }

    /// Units a minute.
    pub const fn per_minute(&self) -> u64 {
        self.per_minute
    }

    /// Units at once.
    pub const fn burst(&self) -> u64 {
        self.burst
    }
}

/// When a reservation can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Now; it is made.
    Granted,
    /// Not before this time; nothing is reserved.
    At(Duration),
    /// Not before an earlier reservation is settled; nothing is reserved.
    AfterSettling,
}

/// The generic cell rate algorithm (ITU-T I.371, virtual scheduling) with reservations whose true size shows later.
///
/// A state machine without a clock: `now` is the time since any fixed moment and must not fall. Arithmetic is exact.
///
/// # Law
/// As long as nothing is settled above its reservation and no reservation is larger than the burst, the units granted
/// in any window of length `t` (settled ones as settled, open ones as reserved) are at most
/// `burst + per_minute * t`. A reservation above the burst counts as the whole burst, so that it is granted at all:
/// it waits until nothing else is reserved and the burst is full again.
///
/// ```
/// use std::time::Duration;
/// use inference::{Admission, Gcra, Rate};
/// let mut tokens = Gcra::new(Rate::new(60, 10)); // one a second, ten at once
/// let zero = Duration::ZERO;
/// assert_eq!(tokens.reserve(zero, 8), Admission::Granted);
/// assert_eq!(tokens.reserve(zero, 3), Admission::AfterSettling);
/// tokens.settle(zero, 8, 5);
/// assert_eq!(tokens.reserve(zero, 6), Admission::At(Duration::from_secs(1)));
/// assert_eq!(tokens.reserve(Duration::from_secs(1), 6), Admission::Granted);
/// ```
#[derive(Clone, Debug)]
pub struct Gcra {
    rate: Rate,
    /// The theoretical arrival time, in nanoseconds times `per_minute`, so that a unit is a whole number of it.
    arrival: u128,
    /// Units reserved and not settled.
    held: u64,
}

impl Gcra {
    /// A limiter that has been idle for ever.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, arrival: 0, held: 0 }
    }

    /// Asks for `units`.
    pub fn reserve(&mut self, now: Duration, units: u64) -> Admission {
        let admission = self.when(now, units);
        if admission == Admission::Granted {
            self.held = self.held.saturating_add(self.counted(units));
        }
        admission
    }

    /// When [`Gcra::reserve`] would grant `units`, as far as known `now`; reserves nothing.
    pub fn when(&self, now: Duration, units: u64) -> Admission {
        let needed = u128::from(self.held) + u128::from(self.counted(units));
        let Some(room) = u128::from(self.rate.burst).checked_sub(needed) else {
            return Admission::AfterSettling;
        };
        // Granted if max(arrival, now) + needed <= now + burst, which is arrival - room <= now as room is not negative.
        let earliest = self.arrival.saturating_sub(room * MINUTE);
        if earliest <= self.scaled(now) {
            return Admission::Granted;
        }
        let nanos = earliest.div_ceil(u128::from(self.rate.per_minute));
        Admission::At(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Turns a reservation of `reserved` units into `used` ones, which may be none, and may be more than reserved: a
    /// debt that delays what follows.
    pub fn settle(&mut self, now: Duration, reserved: u64, used: u64) {
        self.held = self.held.saturating_sub(self.counted(reserved));
        if used > 0 {
            self.arrival = self.arrival.max(self.scaled(now)).saturating_add(u128::from(used) * MINUTE);
        }
    }

    /// What a reservation counts as.
    fn counted(&self, units: u64) -> u64 {
        units.min(self.rate.burst)
    }

    fn scaled(&self, now: Duration) -> u128 {
        now.as_nanos().saturating_mul(u128::from(self.rate.per_minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn one_a_second_after_the_burst() {
        let mut gcra = Gcra::new(Rate::new(60, 2));
        let mut take = |now| {
            let admission = gcra.reserve(now, 1);
            if admission == Admission::Granted {
                gcra.settle(now, 1, 1);
            }
            admission
        };
        assert_eq!(take(seconds(0)), Admission::Granted);
        assert_eq!(take(seconds(0)), Admission::Granted);
        assert_eq!(take(seconds(0)), Admission::At(seconds(1)));
        assert_eq!(take(Duration::from_nanos(999_999_999)), Admission::At(seconds(1)));
        assert_eq!(take(seconds(1)), Admission::Granted);
        assert_eq!(take(seconds(100)), Admission::Granted);
        assert_eq!(take(seconds(100)), Admission::Granted);
        assert_eq!(take(seconds(100)), Admission::At(seconds(101)));
    }

    #[test]
    fn a_reservation_above_the_burst_waits_for_all_of_it_and_is_granted() {
        let mut gcra = Gcra::new(Rate::new(60, 10));
        assert_eq!(gcra.reserve(seconds(0), 1), Admission::Granted);
        assert_eq!(gcra.reserve(seconds(0), 1000), Admission::AfterSettling);
        gcra.settle(seconds(0), 1, 1);
        assert_eq!(gcra.reserve(seconds(0), 1000), Admission::At(seconds(1)));
        assert_eq!(gcra.reserve(seconds(1), 1000), Admission::Granted);
        gcra.settle(seconds(1), 1000, 40);
        assert_eq!(
            gcra.when(seconds(1), 1),
            Admission::At(seconds(32)),
            "40 used: 30 s of debt, then one more"
        );
    }

    #[test]
    fn what_was_not_used_is_given_back_and_no_more() {
        let mut gcra = Gcra::new(Rate::new(60, 10));
        assert_eq!(gcra.reserve(seconds(0), 10), Admission::Granted);
        gcra.settle(seconds(5), 10, 0);
        assert_eq!(gcra.reserve(seconds(5), 10), Admission::Granted);
        gcra.settle(seconds(5), 10, 10);
        assert_eq!(gcra.when(seconds(5), 1), Admission::At(seconds(6)));
    }

    #[test]
    fn nothing_overflows() {
        let mut gcra = Gcra::new(Rate::new(u64::MAX, u64::MAX));
        assert_eq!(gcra.reserve(Duration::MAX, u64::MAX), Admission::Granted);
        gcra.settle(Duration::MAX, u64::MAX, 1);
        let mut slow = Gcra::new(Rate::new(0, 0));
        slow.settle(seconds(0), 0, u64::MAX);
        assert_eq!(slow.when(seconds(0), 1), Admission::At(Duration::from_nanos(u64::MAX)));
    }
}
