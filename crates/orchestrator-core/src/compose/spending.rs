use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use inference::{Latency, Ledger, LlmClient, Resilient, ResilientStats, Total};
use serde::Serialize;

/// What the models of a run did in this process: every call with its purpose, and what their endpoints had to be asked
/// again. Observation only: the event log alone decides what a run spent.
#[derive(Clone, Default)]
pub struct Spending {
    pub(super) ledger: Arc<Ledger>,
    pub(super) endpoints: BTreeMap<String, Arc<Resilient<Arc<dyn LlmClient>>>>,
}

/// Sums of one model's calls for one purpose.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelSpending {
    /// `task`, `reflection` or `judge`.
    pub purpose: &'static str,
    /// The model's identity.
    pub model: String,
    /// Calls, however they ended.
    pub calls: u64,
    /// Calls that failed for good.
    pub failed: u64,
    /// Calls that were given up.
    pub abandoned: u64,
    /// Calls answered from the answer cache.
    pub from_cache: u64,
    /// Their share, 0 to 1.
    pub hit_rate: f64,
    /// Tokens paid for, read and written.
    pub tokens_in: u64,
    /// Of those read, the ones from the provider's prefix cache.
    pub tokens_cached: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Paid, in 10^-9 US dollars.
    pub nano_usd: u64,
    /// What the answer cache saved, in 10^-9 US dollars.
    pub saved_nano_usd: u64,
}

impl Spending {
    /// Every call.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Sums by purpose and model, in that order.
    pub fn models(&self) -> Vec<ModelSpending> {
        let row = |((purpose, model), total): ((inference::Purpose, String), Total)| ModelSpending {
            purpose: purpose.name(),
            model,
            calls: total.calls,
            failed: total.failed,
            abandoned: total.abandoned,
            from_cache: total.from_cache,
            hit_rate: if total.calls == 0 { 0.0 } else { total.from_cache as f64 / total.calls as f64 },
            tokens_in: total.paid.tokens_in,
            tokens_cached: total.tokens_cached,
            tokens_out: total.paid.tokens_out,
            nano_usd: total.paid.nano_usd,
            saved_nano_usd: total.saved.nano_usd,
        };
        self.ledger.totals().into_iter().map(row).collect()
    }

    /// What each hosted model's endpoint had to be asked, by the model's key in the configuration.
    pub fn endpoints(&self) -> BTreeMap<String, ResilientStats> {
        self.endpoints.iter().map(|(name, client)| (name.clone(), client.stats())).collect()
    }

    /// How long each model took, as lines for people.
    pub fn latencies(&self) -> Vec<String> {
        let line = |((purpose, model), took): ((inference::Purpose, String), Latency)| {
            format!("{} {model}: median {:.0?}, longest {:.0?}", purpose.name(), took.median, took.longest)
        };
        self.ledger.latencies().into_iter().map(line).collect()
    }
}

impl fmt::Display for ModelSpending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10} {}: {} calls, {:.0} % from the cache, {} tokens in ({} cached by the provider), {} out, ${:.4}",
            self.purpose,
            self.model,
            self.calls,
            100.0 * self.hit_rate,
            self.tokens_in,
            self.tokens_cached,
            self.tokens_out,
            self.nano_usd as f64 * 1e-9
        )?;
        if self.failed + self.abandoned > 0 {
            write!(f, "; {} failed, {} given up", self.failed, self.abandoned)?;
        }
        Ok(())
    }
}
