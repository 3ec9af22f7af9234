use serde::{Deserialize, Serialize};

use super::{Duration, Headers, Proxy};
use crate::Price;

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
    /// Limit of a call, which is one try.
    pub timeout: Duration,
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
}

impl Default for HostedOptions {
    /// 60 s a try, no price, no extra headers, public hosts alone, no scoring, 4 calls at once.
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            price: Price::default(),
            limit_field: LimitField::default(),
            headers: Headers::default(),
            proxy: None,
            allow_private: false,
            scoring: Scoring::default(),
            concurrency: 4,
        }
    }
}
