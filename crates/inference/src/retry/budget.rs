/// How many retries all calls together may make.
///
/// ```
/// use inference::{RetryBudget, RetryShare};
/// let mut budget = RetryBudget::new(RetryShare { share: 0.5, reserve: 1 });
/// assert!(budget.withdraw() && !budget.withdraw());
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.withdraw() && !budget.withdraw());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryShare {
    /// Retries for each call, on the average.
    pub share: f64,
    /// Retries that may be made beyond that share; also what may be saved up.
    pub reserve: u32,
}

impl Default for RetryShare {
    /// A retry a call and 20 more: an endpoint that fails always is asked about twice as often as usual, whatever
    /// each call's own limit is.
    fn default() -> Self {
        Self { share: 1.0, reserve: 20 }
    }
}

/// A token bucket that keeps retries from multiplying an outage: every call puts `share` of a retry in, every retry
/// takes one out.
///
/// # Law
/// After `n` calls at most `reserve + share * n` retries were made.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    share: RetryShare,
    /// In millionths of a retry.
    left: u64,
}

const RETRY: u64 = 1_000_000;

impl RetryBudget {
    /// A full bucket. A share that is negative or no number counts as 0.
    pub fn new(share: RetryShare) -> Self {
        Self { share, left: u64::from(share.reserve) * RETRY }
    }

    /// A call begins.
    pub fn deposit(&mut self) {
        let most = u64::from(self.share.reserve) * RETRY;
        self.left = self.left.saturating_add((self.share.share * RETRY as f64) as u64).min(most);
    }

    /// Whether a retry may be made; it is counted.
    pub fn withdraw(&mut self) -> bool {
        let enough = self.left >= RETRY;
        if enough {
            self.left -= RETRY;
        }
        enough
    }
}
