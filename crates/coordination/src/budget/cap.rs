use std::time::Duration;

use meta_traits::Cost;
use serde::{Deserialize, Serialize};

/// The most that one model call can use, as enforced: input already counted, output and time limited by the caller.
///
/// ```
/// use std::time::Duration;
/// use coordination::budget::CallCap;
/// // 0.15 and 0.60 dollars a million tokens.
/// let cap = CallCap { tokens_in: 1200, max_tokens: 256, pico_usd_in: 150_000, pico_usd_out: 600_000,
///     timeout: Duration::from_secs(30), attempts: 1 };
/// let cost = cap.cost();
/// assert_eq!((cost.calls, cost.tokens_in, cost.tokens_out), (1, 1200, 256));
/// assert_eq!(cost.nano_usd, 1200 * 150 + 256 * 600);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCap {
    /// Tokens of the request, counted.
    pub tokens_in: u64,
    /// The limit on tokens of the reply that the request carries.
    pub max_tokens: u64,
    /// 10^-12 US dollars a token read.
    pub pico_usd_in: u64,
    /// 10^-12 US dollars a token written.
    pub pico_usd_out: u64,
    /// After which the call is given up.
    pub timeout: Duration,
    /// Attempts, the first one included: each may be paid for. 0 counts as 1.
    pub attempts: u32,
}

impl CallCap {
    /// The cost to reserve; money rounded up, everything saturating.
    pub fn cost(&self) -> Cost {
        let price = |pico: u64, tokens: u64| u128::from(pico) * u128::from(tokens);
        let pico = price(self.pico_usd_in, self.tokens_in)
            .saturating_add(price(self.pico_usd_out, self.max_tokens))
            .div_ceil(1000);
        Cost::tokens(1, self.tokens_in, self.max_tokens)
            .with_nano_usd(u64::try_from(pico).unwrap_or(u64::MAX))
            .with_wall(self.timeout)
            .times(u64::from(self.attempts.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_up_attempts_multiply_and_nothing_wraps() {
        let call = CallCap {
            tokens_in: 1,
            max_tokens: 0,
            pico_usd_in: 1,
            pico_usd_out: 1,
            timeout: Duration::from_secs(2),
            attempts: 3,
        };
        assert_eq!(call.cost(), Cost::tokens(3, 3, 0).with_nano_usd(3).with_wall(Duration::from_secs(6)));
        assert_eq!(CallCap { attempts: 0, ..call }.cost(), CallCap { attempts: 1, ..call }.cost());
        let most = CallCap { max_tokens: u64::MAX, pico_usd_out: u64::MAX, timeout: Duration::MAX, ..call };
        let cost = most.cost();
        assert_eq!((cost.nano_usd, cost.tokens_out, cost.wall), (u64::MAX, u64::MAX, Duration::MAX));
    }
}
