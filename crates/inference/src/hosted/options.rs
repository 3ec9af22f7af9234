use serde::{Deserialize, Serialize};

use super::{Duration, Headers, Proxy, RetryPolicy};

/// What a hosted model costs.
///
/// ```
/// use inference::Price;
/// let price = Price::usd_per_million(0.15, 0.60);
/// assert_eq!(price.of(1_000, 100), 150_000 + 60_000); // nano-dollars
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// 10^-12 US dollars a token read.
    pub pico_usd_in: u64,
    /// 10^-12 US dollars a token written.
    pub pico_usd_out: u64,
}

impl Price {
    /// 10^-9 US dollars a token read and written: 1 is 0.001 US dollars a million tokens.
    pub const fn nano_usd(per_token_in: u64, per_token_out: u64) -> Self {
        Self {
            pico_usd_in: per_token_in.saturating_mul(1000),
            pico_usd_out: per_token_out.saturating_mul(1000),
        }
    }

    /// US dollars a million tokens, as price lists have it, rounded to 10^-6; negative and NaN count as 0.
    pub fn usd_per_million(tokens_in: f64, tokens_out: f64) -> Self {
        Self {
            pico_usd_in: (tokens_in * 1e6).round() as u64,
            pico_usd_out: (tokens_out * 1e6).round() as u64,
        }
    }

    /// 10^-9 US dollars for so many tokens, rounded up.
    pub fn of(&self, tokens_in: u64, tokens_out: u64) -> u64 {
        let pico = u128::from(self.pico_usd_in) * u128::from(tokens_in)
            + u128::from(self.pico_usd_out) * u128::from(tokens_out);
        u64::try_from(pico.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

/// The name under which an endpoint takes the token limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitField {
    /// `max_tokens`, which most endpoints take.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which newer models demand.
    MaxCompletionTokens,
}

/// How an endpoint tells the likelihood of given texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scoring {
    /// It does not: true of most chat services.
    #[default]
    None,
    /// By `BASE_URL/completions` with `echo` and `logprobs`, as vLLM offers: all texts in one call.
    Echo,
    /// By the own `/tokenize` and `/completion` of a llama.cpp server: one call for each token of each text.
    LlamaServer,
}

/// How a [`super::HostedClient`] or [`crate::GenaiClient`] calls.
#[derive(Clone, Debug)]
pub struct HostedOptions {
    /// Limit of one try.
    pub timeout: Duration,
    /// When to try again.
    pub retry: RetryPolicy,
    /// What tokens cost; nothing by default.
    pub price: Price,
    /// Name of the token limit in a request.
    pub limit_field: LimitField,
    /// Sent with every request.
    pub headers: Headers,
    /// Goes between this machine and the endpoint; by default what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    pub proxy: Option<Proxy>,
    /// Whether the host may be private, link-local (cloud metadata), unique-local or behind a carrier's NAT.
    ///
    /// Without it, such addresses are refused, and so are names that resolve to one. `localhost` and loopback
    /// addresses are always allowed, for servers on this machine. Where a proxy looks names up, only addresses
    /// written as numbers can be judged here.
    pub allow_private: bool,
    /// How the endpoint scores given texts.
    pub scoring: Scoring,
    /// Calls worth having in flight at once, at least 1.
    pub concurrency: usize,
    /// Seed of the jitter of waits; give each process its own.
    pub jitter: u64,
}

impl Default for HostedOptions {
    /// 60 s a try, [`RetryPolicy::default`], no price, no extra headers, public hosts alone, no scoring, 4 calls at once.
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            retry: RetryPolicy::default(),
            price: Price::default(),
            limit_field: LimitField::default(),
            headers: Headers::default(),
            proxy: None,
            allow_private: false,
            scoring: Scoring::default(),
            concurrency: 4,
            jitter: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_up_and_never_wraps() {
        let price = Price { pico_usd_in: 1, pico_usd_out: 0 };
        assert_eq!(price.of(0, 5), 0);
        assert_eq!(price.of(1, 0), 1);
        assert_eq!(price.of(1000, 0), 1);
        assert_eq!(Price::nano_usd(3, 4).of(10, 100), 430);
        assert_eq!(Price::nano_usd(u64::MAX, 1).of(u64::MAX, 1), u64::MAX);
        assert_eq!(Price::usd_per_million(f64::NAN, -1.0), Price::default());
        assert_eq!(Price::usd_per_million(0.0375, 0.15).of(1_000_000, 0), 37_500_000);
    }
}
