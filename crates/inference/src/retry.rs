use std::future::Future;
use std::time::Duration;

use meta_traits::{Classify, Stream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::InferenceError;

mod budget;

pub use budget::{RetryBudget, RetryShare};

/// When to try a failed call again, and when to give up.
///
/// Only transient failures are tried again (see [`meta_traits::Classify::retryable`]). Wait `n` (from 0) is drawn
/// uniformly from the upper half of `first_wait * 2^n`, which is at most `longest_wait`: exponential backoff with
/// equal jitter. An endpoint's own advice (`Retry-After`) is followed instead where it is longer; advice above
/// `longest_wait`, or beyond `deadline`, ends the tries with that answer, because asking sooner would be refused.
///
/// ```
/// use std::time::Duration;
/// use inference::RetryPolicy;
/// let policy = RetryPolicy { retries: 4, ..RetryPolicy::default() };
/// assert_eq!(policy.first_wait, Duration::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub retries: u32,
    /// The longest first wait.
    pub first_wait: Duration,
    /// The longest wait of all, whoever asks for it.
    pub longest_wait: Duration,
    /// Everything together, waits included.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    /// Eight more tries, waits of 0.5 s doubling up to 30 s, all within 180 s.
    fn default() -> Self {
        Self {
            retries: 8,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            deadline: Duration::from_mins(3),
        }
    }
}

impl RetryPolicy {
    /// One try, still within the deadline.
    #[must_use]
    pub fn once(self) -> Self {
        Self { retries: 0, ..self }
    }

    /// Runs `attempt` until it succeeds, fails for good, or the policy ends it with the last failure.
    ///
    /// `endpoint` is named when the deadline cuts off the first try. The jitter of wait `n` depends on
    /// `jitter.child("wait", n)` alone.
    ///
    /// # Errors
    /// The last failure, or [`InferenceError::Timeout`] where the deadline passed within the first try.
    pub async fn run<T, F, A>(
        &self,
        jitter: &Stream,
        endpoint: &str,
        mut attempt: F,
    ) -> Result<T, InferenceError>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, InferenceError>>,
    {
        let end = Instant::now() + self.deadline;
        let mut last = None;
        for n in 0.. {
            let error = match timeout_at(end, attempt()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => return Err(last.unwrap_or_else(|| self.out_of_time(endpoint))),
            };
            if n >= self.retries || !error.retryable() {
                return Err(error);
            }
            match self.wait(n, error.advised_wait(), jitter) {
                Some(wait) if Instant::now() + wait < end => sleep(wait).await,
                _ => return Err(error),
            }
            last = Some(error);
        }
        Err(last.unwrap_or_else(|| self.out_of_time(endpoint)))
    }

    fn out_of_time(&self, endpoint: &str) -> InferenceError {
        InferenceError::Timeout { endpoint: endpoint.to_owned(), after: self.deadline }
    }

    /// The wait after try `n`, or `None` where the advice is too long to follow.
    pub(crate) fn wait(&self, n: u32, advised: Option<Duration>, jitter: &Stream) -> Option<Duration> {
        let longest = self.first_wait.saturating_mul(2_u32.saturating_pow(n)).min(self.longest_wait);
        let own = longest.mul_f64(0.5 + 0.5 * jitter.child("wait", u64::from(n)).unit());
        match advised {
            Some(advised) if advised > self.longest_wait => None,
            Some(advised) => Some(advised.max(own)),
            None => Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn busy(wait: Option<Duration>) -> InferenceError {
        InferenceError::RateLimited { endpoint: "test".to_owned(), wait }
    }

    /// Runs the policy against `failures` failures and then a success: the result, tries and paused time it took.
    async fn run(
        policy: RetryPolicy,
        failures: u32,
        error: impl Fn() -> InferenceError,
    ) -> (Result<u32, InferenceError>, u32, Duration) {
        let tries = Cell::new(0);
        let start = Instant::now();
        let result = policy
            .run(&Stream::root(1), "test", || {
                tries.set(tries.get() + 1);
                let answer = if tries.get() > failures { Ok(tries.get()) } else { Err(error()) };
                async move { answer }
            })
            .await;
        (result, tries.get(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_with_jitter_and_end_with_the_last_failure() {
        let policy = RetryPolicy { retries: 3, ..RetryPolicy::default() };
        let (result, tries, took) = run(policy, 3, || busy(None)).await;
        assert_eq!(result.unwrap(), 4);
        assert_eq!(tries, 4);
        assert!(took >= Duration::from_millis(1750) && took <= Duration::from_millis(3510), "{took:?}");
        let (result, tries, _) = run(policy, 4, || busy(None)).await;
        assert!(matches!(result, Err(InferenceError::RateLimited { .. })));
        assert_eq!(tries, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn lasting_failures_are_not_tried_again() {
        let broken = || InferenceError::Protocol { endpoint: "test".to_owned(), message: String::new() };
        let (result, tries, took) = run(RetryPolicy::default(), 1, broken).await;
        assert!(result.is_err());
        assert_eq!((tries, took), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn advice_is_followed_up_to_the_longest_wait() {
        let (result, _, took) = run(RetryPolicy::default(), 1, || busy(Some(Duration::from_secs(7)))).await;
        assert!(result.is_ok());
        assert!(took >= Duration::from_secs(7) && took < Duration::from_millis(7100), "{took:?}");
        let (result, tries, took) =
            run(RetryPolicy::default(), 1, || busy(Some(Duration::from_secs(31)))).await;
        assert!(result.is_err());
        assert_eq!((tries, took), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_reaches_beyond_the_deadline() {
        let policy = RetryPolicy { deadline: Duration::from_secs(5), ..RetryPolicy::default() };
        let (result, tries, took) = run(policy, 9, || busy(Some(Duration::from_secs(6)))).await;
        assert!(matches!(result, Err(InferenceError::RateLimited { .. })));
        assert_eq!((tries, took), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_try_is_cut_off_at_the_deadline() {
        let policy = RetryPolicy { deadline: Duration::from_secs(5), ..RetryPolicy::default() };
        let start = Instant::now();
        let result: Result<(), _> = policy.run(&Stream::root(1), "test", std::future::pending).await;
        assert!(matches!(result, Err(InferenceError::Timeout { after, .. }) if after.as_secs() == 5));
        assert!(start.elapsed() >= Duration::from_secs(5) && start.elapsed() < Duration::from_millis(5010));
    }

    #[test]
    fn the_same_stream_gives_the_same_waits_and_other_streams_others() {
        let policy = RetryPolicy::default();
        let of = |seed| policy.wait(3, None, &Stream::root(seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(policy.wait(200, None, &Stream::root(1)).is_some_and(|wait| wait <= policy.longest_wait));
    }
}
