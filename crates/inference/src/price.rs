use crate::Usage;

mod table;

pub use table::PriceTable;

/// What a model costs.
///
/// ```
/// use inference::{Price, Usage};
/// let price = Price::usd_per_million(0.15, 0.60).with_cached(0.075);
/// let mut usage = Usage::new(1_000, 100);
/// usage.tokens_cached = 400;
/// assert_eq!(price.of(&usage), 600 * 150 + 400 * 75 + 100 * 600); // nano-dollars
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// 10^-12 US dollars a token read.
    pub pico_usd_in: u64,
    /// 10^-12 US dollars a token that the provider read from its own prefix cache.
    pub pico_usd_cached: u64,
    /// 10^-12 US dollars a token written.
    pub pico_usd_out: u64,
}

impl Price {
    /// 10^-9 US dollars a token read and written: 1 is 0.001 US dollars a million tokens. Cached tokens cost the same
    /// as others.
    pub const fn nano_usd(per_token_in: u64, per_token_out: u64) -> Self {
        let pico_usd_in = per_token_in.saturating_mul(1000);
        Self { pico_usd_in, pico_usd_cached: pico_usd_in, pico_usd_out: per_token_out.saturating_mul(1000) }
    }

    /// US dollars a million tokens, as price lists have it, rounded to 10^-6; negative and NaN count as 0. Cached
    /// tokens cost the same as others.
    pub fn usd_per_million(tokens_in: f64, tokens_out: f64) -> Self {
        let pico_usd_in = pico(tokens_in);
        Self { pico_usd_in, pico_usd_cached: pico_usd_in, pico_usd_out: pico(tokens_out) }
    }

    /// The same price with its own for tokens from the provider's prefix cache, in US dollars a million.
    #[must_use]
    pub fn with_cached(self, tokens_cached: f64) -> Self {
        Self { pico_usd_cached: pico(tokens_cached), ..self }
    }

    /// 10^-9 US dollars for what was used, rounded up.
    pub fn of(&self, usage: &Usage) -> u64 {
        let cached = usage.tokens_cached.min(usage.tokens_in);
        let times = |price: u64, tokens: u64| u128::from(price) * u128::from(tokens);
        let pico = times(self.pico_usd_in, usage.tokens_in - cached)
            .saturating_add(times(self.pico_usd_cached, cached))
            .saturating_add(times(self.pico_usd_out, usage.tokens_out));
        u64::try_from(pico.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

fn pico(usd_per_million: f64) -> u64 {
    (usd_per_million * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_up_and_never_wraps() {
        let price = Price { pico_usd_in: 1, ..Price::default() };
        let of = |price: Price, tokens_in, tokens_out| price.of(&Usage::new(tokens_in, tokens_out));
        assert_eq!(of(price, 0, 5), 0);
        assert_eq!(of(price, 1, 0), 1);
        assert_eq!(of(price, 1000, 0), 1);
        assert_eq!(of(Price::nano_usd(3, 4), 10, 100), 430);
        assert_eq!(of(Price::nano_usd(u64::MAX, u64::MAX), u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(Price::usd_per_million(f64::NAN, -1.0), Price::default());
        assert_eq!(of(Price::usd_per_million(0.0375, 0.15), 1_000_000, 0), 37_500_000);
    }

    #[test]
    fn cached_tokens_are_part_of_those_read_and_have_their_price() {
        let price = Price::usd_per_million(2.0, 8.0).with_cached(0.5);
        let usage = |cached| Usage { tokens_cached: cached, ..Usage::new(100, 10) };
        assert_eq!(price.of(&usage(0)), 100 * 2000 + 10 * 8000);
        assert_eq!(price.of(&usage(60)), 40 * 2000 + 60 * 500 + 10 * 8000);
        assert_eq!(price.of(&usage(999)), 100 * 500 + 10 * 8000, "never more than were read");
    }
}
