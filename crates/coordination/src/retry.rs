use std::time::Duration;

use meta_traits::Stream;

/// How often, and when, something that failed is tried again: exponential backoff with full jitter.
///
/// Before attempt `n + 1` it waits a time drawn uniformly from 0 to `min(cap, base 2^(n - 1))` (Brooker 2015,
/// "Exponential backoff and jitter"): those that failed together do not come back together.
///
/// ```
/// use std::time::Duration;
/// use coordination::Retry;
/// use meta_traits::Stream;
/// let retry = Retry { attempts: 3, base: Duration::from_secs(1), cap: Duration::from_secs(60) };
/// let stream = Stream::root(7);
/// assert!(retry.delay(2, &stream).unwrap() <= Duration::from_secs(2));
/// assert_eq!(retry.delay(2, &stream), retry.delay(2, &stream));
/// assert_eq!(retry.delay(3, &stream), None, "the third attempt was the last");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all; 0 counts as 1.
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Retry {
    /// One attempt and no more.
    pub const NEVER: Self = Self { attempts: 1, base: Duration::ZERO, cap: Duration::ZERO };

    /// The wait after so many failures, from 1; `None` when no attempt is left. Drawn from `stream`, the same each time.
    pub fn delay(&self, failures: u32, stream: &Stream) -> Option<Duration> {
        if failures >= self.attempts {
            return None;
        }
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = self.base.saturating_mul(doubled).min(self.cap);
        Some(longest.mul_f64(stream.child("delay", u64::from(failures)).unit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_spread_below_it() {
        let retry = Retry { attempts: 40, base: Duration::from_millis(100), cap: Duration::from_secs(1) };
        for failures in 1..40 {
            let longest = Duration::from_millis(100 << (failures - 1).min(20)).min(Duration::from_secs(1));
            let waits: Vec<f64> = (0..400)
                .map(|seed| retry.delay(failures, &Stream::root(seed)).unwrap().as_secs_f64())
                .collect();
            assert!(waits.iter().all(|w| *w <= longest.as_secs_f64()));
            let mean = waits.iter().sum::<f64>() / 400.0;
            // Six standard errors of a uniform mean.
            assert!((mean / longest.as_secs_f64() - 0.5).abs() < 6.0 * 0.289 / 20.0, "{failures}: {mean}");
        }
        assert_eq!(Retry::NEVER.delay(1, &Stream::root(0)), None);
    }
}
