use meta_traits::Unit;
use serde::{Deserialize, Serialize};

use super::calibration::Factors;
use super::purse::{Spent, Used};
use super::{Calibration, Interval, Simulated};

/// What a plan rests on, the best of what there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The lengths of prompts and inputs; nothing was called.
    Lengths,
    /// Training examples tried with the seed's prompts.
    Probe {
        /// How many.
        examples: usize,
    },
    /// Finished runs of the same task.
    History {
        /// How many.
        runs: usize,
    },
}

/// What a run, or a part of it, is predicted to use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Amounts {
    /// Model calls.
    pub model_calls: Interval<u64>,
    /// Tokens read.
    pub tokens_in: Interval<u64>,
    /// Tokens written.
    pub tokens_out: Interval<u64>,
    /// Tokens read and written.
    pub tokens: Interval<u64>,
    /// Money in 10^-9 US dollars.
    pub nano_usd: Interval<u64>,
    /// Time; `None` where nothing is known of it.
    pub seconds: Option<Interval<f64>>,
}

/// Intervals for all that a run will use, each meant to hold nine of ten runs.
///
/// Amounts that the budget limits do not go beyond their limit. Amounts are `None` where nothing is known of a metric
/// call: an outside program that was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// The share of runs that an interval is meant to hold.
    pub level: f64,
    /// What it rests on.
    pub source: Source,
    /// Whether latencies are the stated defaults, nothing having been timed.
    pub assumed_latency: bool,
    /// Metric calls of the search.
    pub calls: Interval<u64>,
    /// Texts asked for.
    pub proposals: Interval<u64>,
    /// All of the run.
    pub total: Option<Amounts>,
    /// The search's evaluations.
    pub search: Option<Amounts>,
    /// The proposer.
    pub reflection: Option<Amounts>,
    /// The final scoring on the test split.
    pub report: Option<Amounts>,
}

impl Simulated {
    /// The intervals, stretched as `calibration` says.
    pub fn predict(&self, calibration: &Calibration) -> Prediction {
        let factors = calibration.of(self.source);
        let numbers = |pick: &dyn Fn(&Spent) -> f64| self.runs.iter().map(pick).collect::<Vec<f64>>();
        let amounts = |pick: fn(&Spent) -> Used| self.known.then(|| self.amounts(factors, pick));
        Prediction {
            level: 0.9,
            source: self.source,
            assumed_latency: self.assumed_latency,
            calls: Interval::shortest(&numbers(&|s| s.evaluations), factors.metric_calls)
                .whole(self.budget.limit(Unit::Evaluations)),
            proposals: Interval::of(&numbers(&|s| s.proposals), factors.proposals)
                .whole(self.budget.limit(Unit::Evaluations)),
            total: amounts(Spent::total),
            search: amounts(|s| s.search),
            reflection: amounts(|s| s.reflection),
            report: amounts(|s| s.report),
        }
    }

    fn amounts(&self, factors: &Factors, pick: fn(&Spent) -> Used) -> Amounts {
        let used: Vec<Used> = self.runs.iter().map(pick).collect();
        let interval = |of: fn(&Used) -> f64, factors: [f64; 2]| {
            Interval::of(&used.iter().map(of).collect::<Vec<_>>(), factors)
        };
        let limit = |unit| self.budget.limit(unit);
        let tokens = limit(Unit::Tokens);
        Amounts {
            model_calls: interval(|u| u.calls, factors.model_calls).whole(limit(Unit::ModelCalls)),
            tokens_in: interval(|u| u.tokens_in, factors.tokens_in).whole(tokens),
            tokens_out: interval(|u| u.tokens_out, factors.tokens_out).whole(tokens),
            tokens: interval(|u| u.tokens_in + u.tokens_out, factors.tokens).whole(tokens),
            nano_usd: interval(|u| u.nano_usd, factors.nano_usd).whole(limit(Unit::NanoUsd)),
            seconds: self.timed.then(|| interval(|u| u.seconds, factors.seconds)),
        }
    }
}
