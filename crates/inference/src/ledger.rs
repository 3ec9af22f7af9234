use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meta_traits::{BoxFuture, Cost};
use serde::{Deserialize, Serialize};

use crate::{Embed, Embedded, Generate, Generated, InferenceError, LlmClient, Score, Scored, Usage};

mod metered;

pub use metered::Metered;

/// What a model call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// The user's own system at work.
    Task,
    /// Thinking about better candidates.
    Reflection,
    /// Judging an answer.
    Judge,
}

impl Purpose {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Reflection => "reflection",
            Self::Judge => "judge",
        }
    }
}

/// How a model call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallEnd {
    /// With an answer.
    Answered,
    /// With an error; its usage is what the provider says it charges all the same, mostly nothing.
    Failed,
    /// It was given up before its end; what it spent is not known.
    Abandoned,
}

impl CallEnd {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// One model call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// What it was for.
    pub purpose: Purpose,
    /// The model's identity.
    pub model: Arc<str>,
    /// `generate`, `stream`, `score` or `embed`.
    pub verb: &'static str,
    /// How it ended.
    pub end: CallEnd,
    /// What it used; zero unless answered or charged all the same.
    pub usage: Usage,
    /// How long it took, waits and tries included. Part of no comparison and of no [`Ledger::csv`].
    pub latency: Duration,
}

/// How long calls took that were answered by the model itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Calls.
    pub calls: u64,
    /// The sum.
    pub total: Duration,
    /// The middle one; the later of two.
    pub median: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// Calls, however they ended.
    pub calls: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were given up.
    pub abandoned: u64,
    /// Calls answered from the answer cache.
    pub from_cache: u64,
    /// Tokens that the provider or engine read from its own prefix cache, among those paid.
    pub tokens_cached: u64,
    /// What was paid: the exact sum of [`Usage::paid`].
    pub paid: Cost,
    /// What the answer cache saved: the exact sum of what its answers once cost.
    pub saved: Cost,
}

impl Total {
    fn add(&mut self, call: &Call) {
        self.calls += 1;
        match call.end {
            CallEnd::Answered if call.usage.from_cache => {
                self.from_cache += 1;
                self.saved += call.usage.cost();
            }
            CallEnd::Answered => {
                self.tokens_cached += call.usage.tokens_cached;
                self.paid += call.usage.paid();
            }
            CallEnd::Failed => {
                self.failed += 1;
                if call.usage != Usage::default() {
                    self.paid += call.usage.paid();
                }
            }
            CallEnd::Abandoned => self.abandoned += 1,
        }
    }
}

/// The record of every model call of a run.
///
/// Calls stand in the order in which they ended. Share it in an [`Arc`] and fill it through [`Metered`] clients.
///
/// ```
/// use std::sync::Arc;
/// use inference::{Generate, Ledger, LlmClient, Metered, Prompt, Purpose, ScriptedClient};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let ledger = Arc::new(Ledger::default());
/// let script = ScriptedClient::answering(|_| "a b".into());
/// let client = Metered::new(script, Purpose::Task, Arc::clone(&ledger));
/// client.generate(&Generate::new(Prompt::Text("x y z".into()))).await?;
/// assert_eq!(ledger.total().paid.tokens_in, 3);
/// assert!(ledger.csv().ends_with("\n1,task,scripted,generate,answered,3,0,2,0,0\n"));
/// # Ok::<(), inference::InferenceError>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Call>>);

impl Ledger {
    /// The columns of [`Ledger::csv`].
    pub const HEADER: &'static str =
        "call,purpose,model,verb,end,tokens_in,tokens_cached,tokens_out,nano_usd,from_cache";

    /// Adds a call.
    pub fn record(&self, call: Call) {
        self.locked().push(call);
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.locked().clone()
    }

    /// The sum of all calls.
    pub fn total(&self) -> Total {
        let mut total = Total::default();
        self.locked().iter().for_each(|call| total.add(call));
        total
    }

    /// The sums by purpose and model.
    pub fn totals(&self) -> BTreeMap<(Purpose, String), Total> {
        let mut totals: BTreeMap<(Purpose, Arc<str>), Total> = BTreeMap::new();
        for call in self.locked().iter() {
            totals.entry((call.purpose, Arc::clone(&call.model))).or_default().add(call);
        }
        totals.into_iter().map(|((purpose, model), total)| ((purpose, model.to_string()), total)).collect()
    }

    /// How long the models took, by purpose and model; answers from the cache take no part.
    pub fn latencies(&self) -> BTreeMap<(Purpose, String), Latency> {
        let mut times: BTreeMap<(Purpose, String), Vec<Duration>> = BTreeMap::new();
        for call in self.locked().iter() {
            if call.end == CallEnd::Answered && !call.usage.from_cache {
                times.entry((call.purpose, call.model.to_string())).or_default().push(call.latency);
            }
        }
        let of = |mut times: Vec<Duration>| {
            times.sort_unstable();
            Latency {
                calls: times.len() as u64,
                total: times.iter().sum(),
                median: times.get(times.len() / 2).copied().unwrap_or_default(),
                longest: times.last().copied().unwrap_or_default(),
            }
        };
        times.into_iter().map(|(key, times)| (key, of(times))).collect()
    }

    /// How long each call took, as CSV text: `call,microseconds` in the order of [`Ledger::csv`].
    pub fn latency_csv(&self) -> String {
        let mut text = String::from("call,microseconds\n");
        for (n, call) in self.locked().iter().enumerate() {
            let written = writeln!(text, "{},{}", n + 1, call.latency.as_micros());
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        text
    }

    /// The calls as CSV text (RFC 4180 quoting, `\n` line ends): the header, then a row a call, all numbers integers.
    pub fn csv(&self) -> String {
        let mut text = String::from(Self::HEADER);
        text.push('\n');
        for (n, call) in self.locked().iter().enumerate() {
            let Usage { tokens_in, tokens_cached, tokens_out, nano_usd, from_cache } = call.usage;
            let written = writeln!(
                text,
                "{},{},{},{},{},{tokens_in},{tokens_cached},{tokens_out},{nano_usd},{}",
                n + 1,
                call.purpose.name(),
                quoted(&call.model),
                call.verb,
                call.end.name(),
                u8::from(from_cache)
            );
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        text
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(purpose: Purpose, model: &str, end: CallEnd, usage: Usage) -> Call {
        let latency = Duration::from_millis(usage.tokens_in);
        Call { purpose, model: model.into(), verb: "generate", end, usage, latency }
    }

    #[test]
    fn paid_and_saved_are_kept_apart() {
        let ledger = Ledger::default();
        let usage = Usage { nano_usd: 7, tokens_cached: 2, ..Usage::new(10, 3) };
        ledger.record(call(Purpose::Task, "m", CallEnd::Answered, usage));
        ledger.record(call(Purpose::Task, "m", CallEnd::Answered, Usage { from_cache: true, ..usage }));
        ledger.record(call(Purpose::Task, "m", CallEnd::Failed, Usage::default()));
        ledger.record(call(Purpose::Reflection, "m", CallEnd::Abandoned, Usage::default()));
        let total = ledger.total();
        assert_eq!((total.calls, total.failed, total.abandoned, total.from_cache), (4, 1, 1, 1));
        assert_eq!(total.paid, Cost::tokens(1, 10, 3).with_nano_usd(7));
        assert_eq!((total.saved, total.tokens_cached), (total.paid, 2));
        assert_eq!(ledger.totals()[&(Purpose::Reflection, "m".to_owned())].calls, 1);
    }

    #[test]
    fn what_a_failed_call_is_charged_is_paid() {
        let ledger = Ledger::default();
        let charged = Usage { nano_usd: 7, ..Usage::new(10, 0) };
        ledger.record(call(Purpose::Task, "m", CallEnd::Failed, charged));
        ledger.record(call(Purpose::Task, "m", CallEnd::Failed, Usage::default()));
        let total = ledger.total();
        assert_eq!((total.failed, total.paid), (2, Cost::tokens(1, 10, 0).with_nano_usd(7)));
    }

    #[test]
    fn latencies_are_those_of_the_models_own_answers() {
        let ledger = Ledger::default();
        for (tokens, from_cache) in [(30, false), (10, false), (900, true), (20, false), (40, false)] {
            let usage = Usage { from_cache, ..Usage::new(tokens, 1) };
            ledger.record(call(Purpose::Task, "m", CallEnd::Answered, usage));
        }
        ledger.record(call(Purpose::Task, "m", CallEnd::Failed, Usage::new(500, 0)));
        let latency = ledger.latencies()[&(Purpose::Task, "m".to_owned())];
        let ms = Duration::from_millis;
        let expected = Latency { calls: 4, total: ms(100), median: ms(30), longest: ms(40) };
        assert_eq!(latency, expected);
        assert!(ledger.latency_csv().starts_with("call,microseconds\n1,30000\n2,10000\n3,900000\n"));
    }

    #[test]
    fn names_with_commas_and_quotes_stay_one_field() {
        let ledger = Ledger::default();
        ledger.record(call(Purpose::Judge, "a,\"b\"", CallEnd::Answered, Usage::new(1, 2)));
        assert_eq!(
            ledger.csv(),
            format!("{}\n1,judge,\"a,\"\"b\"\"\",generate,answered,1,0,2,0,0\n", Ledger::HEADER)
        );
    }
}
