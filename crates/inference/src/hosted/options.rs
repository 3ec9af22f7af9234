use super::{Duration, Headers};
use crate::Price;

/// The name under which an endpoint takes the token limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitField {
    /// `max_tokens`, which most endpoints take.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which newer models demand.
    MaxCompletionTokens,
}

/// How a [`super::HostedClient`] calls.
#[derive(Clone, Debug)]
pub struct HostedOptions {
    /// Limit of a call, which is one try.
    pub timeout: Duration,
    /// What tokens cost; nothing by default.
    pub price: Price,
    /// Name of the token limit in a request.
    pub limit_field: LimitField,
    /// Sent with every request.
    pub headers: Headers,
    /// Calls worth having in flight at once, at least 1.
    pub concurrency: usize,
}

impl Default for HostedOptions {
    /// 60 s a try, no price, no extra headers, 4 calls at once.
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            price: Price::default(),
            limit_field: LimitField::default(),
            headers: Headers::default(),
            concurrency: 4,
        }
    }
}
