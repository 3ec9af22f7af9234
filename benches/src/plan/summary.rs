//! How often intervals held, and how wide they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use evaluation::stats::wilson;
use orchestrator_core::plan::{Calibration, Interval, Prediction};
use serde::Serialize;

use super::run::{Actual, Recorded};

/// The amounts that are predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Metric calls.
    Calls,
    /// Texts asked for.
    Proposals,
    /// Model calls.
    ModelCalls,
    /// Tokens read.
    TokensIn,
    /// Tokens written.
    TokensOut,
    /// Tokens together.
    Tokens,
    /// Money.
    NanoUsd,
    /// Time.
    Seconds,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Calls,
        Self::Proposals,
        Self::ModelCalls,
        Self::TokensIn,
        Self::TokensOut,
        Self::Tokens,
        Self::NanoUsd,
        Self::Seconds,
    ];

    /// The interval of a prediction.
    pub fn interval(self, p: &Prediction) -> Option<Interval<f64>> {
        let wide = |i: Interval<u64>| Interval { low: i.low as f64, mid: i.mid as f64, high: i.high as f64 };
        let total = p.total;
        match self {
            Self::Calls => Some(wide(p.calls)),
            Self::Proposals => Some(wide(p.proposals)),
            Self::ModelCalls => total.map(|t| wide(t.model_calls)),
            Self::TokensIn => total.map(|t| wide(t.tokens_in)),
            Self::TokensOut => total.map(|t| wide(t.tokens_out)),
            Self::Tokens => total.map(|t| wide(t.tokens)),
            Self::NanoUsd => total.map(|t| wide(t.nano_usd)),
            Self::Seconds => total.and_then(|t| t.seconds),
        }
    }

    /// What was used.
    pub fn actual(self, a: &Actual) -> f64 {
        match self {
            Self::Calls => a.calls as f64,
            Self::Proposals => a.proposals as f64,
            Self::ModelCalls => a.model_calls as f64,
            Self::TokensIn => a.tokens_in as f64,
            Self::TokensOut => a.tokens_out as f64,
            Self::Tokens => (a.tokens_in + a.tokens_out) as f64,
            Self::NanoUsd => a.nano_usd as f64,
            Self::Seconds => a.seconds,
        }
    }
}

/// What plans rest on, in the order of [`Recorded::plans`].
pub(super) const SOURCES: [&str; 3] = ["lengths", "probe", "history"];

/// A recorded run as a raw row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    seed: u64,
    variant: u64,
    shape: &'static str,
    budget: u64,
    second_limit: bool,
    reflective: bool,
    actual: Actual,
    /// By source and amount: low, middle, high.
    plans: BTreeMap<&'static str, BTreeMap<Unit, [f64; 3]>>,
}

impl Row {
    /// The row of a run under `calibration`.
    pub fn new(run: &Recorded, calibration: &Calibration) -> Self {
        let of = |plan: &orchestrator_core::plan::Simulated| {
            let prediction = plan.predict(calibration);
            let interval = |u: Unit| u.interval(&prediction).map(|i| (u, [i.low, i.mid, i.high]));
            Unit::ALL.into_iter().filter_map(interval).collect()
        };
        Self {
            seed: run.seed,
            variant: run.variant,
            shape: run.shape,
            budget: run.budget,
            second_limit: run.second_limit,
            reflective: run.reflective,
            actual: run.actual,
            plans: SOURCES.into_iter().zip(run.plans.iter().map(of)).collect(),
        }
    }
}

/// How often one amount's intervals held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Runs whose interval held what was used.
    pub hits: usize,
    /// Their share, with its 95 % Wilson interval.
    pub share: f64,
    /// Lower end of that.
    pub share_low: f64,
    /// Upper end of that.
    pub share_high: f64,
    /// Runs that used less than the lower end.
    pub below: usize,
    /// Runs that used more than the upper end.
    pub above: usize,
    /// Median over runs of (high - low) / middle.
    pub width: f64,
    /// Median over runs of high / low.
    pub ratio: f64,
}

/// Coverage by source and amount.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Recorded runs.
    pub runs: usize,
    /// By source and amount.
    pub coverage: BTreeMap<&'static str, BTreeMap<Unit, Coverage>>,
    /// Whether metric calls, model calls, tokens, money and time are all held by 85 to 95 % of the runs, by source.
    pub holds: BTreeMap<&'static str, bool>,
}

impl Summary {
    /// Counts over rows.
    ///
    /// # Errors
    /// When there are no rows.
    pub fn new(rows: &[Row]) -> anyhow::Result<Self> {
        let mut coverage: BTreeMap<&'static str, BTreeMap<Unit, Coverage>> = BTreeMap::new();
        for source in SOURCES {
            for unit in Unit::ALL {
                let pairs: Vec<([f64; 3], f64)> = rows
                    .iter()
                    .filter_map(|r| Some((*r.plans.get(source)?.get(&unit)?, unit.actual(&r.actual))))
                    .collect();
                coverage.entry(source).or_default().insert(unit, count(&pairs)?);
            }
        }
        let musts = [Unit::Calls, Unit::ModelCalls, Unit::Tokens, Unit::NanoUsd, Unit::Seconds];
        let hold = |units: &BTreeMap<Unit, Coverage>| {
            musts.iter().all(|u| units.get(u).is_some_and(|c| (0.85..=0.95).contains(&c.share)))
        };
        let holds = coverage.iter().map(|(source, units)| (*source, hold(units))).collect();
        Ok(Self { runs: rows.len(), coverage, holds })
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut out =
            String::from("source   amount        held                    below above  width  high/low\n");
        for (source, units) in &self.coverage {
            for (unit, c) in units {
                let name = serde_json::to_value(unit).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "{source:<8} {:<12} {:>5.1} % [{:>5.1}, {:>5.1}]   {:>4} {:>4}   {:>6.2} {:>7.2}",
                    name.as_str().unwrap_or_default(),
                    100.0 * c.share,
                    100.0 * c.share_low,
                    100.0 * c.share_high,
                    c.below,
                    c.above,
                    c.width,
                    c.ratio,
                );
            }
        }
        out
    }
}

fn count(pairs: &[([f64; 3], f64)]) -> anyhow::Result<Coverage> {
    let hits = pairs.iter().filter(|([low, _, high], x)| x >= low && x <= high).count();
    let below = pairs.iter().filter(|([low, ..], x)| x < low).count();
    let interval = wilson(hits as u64, pairs.len() as u64, 0.95)?;
    let median = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let mut all: Vec<f64> = pairs.iter().map(|(i, _)| of(i)).filter(|x| x.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    };
    Ok(Coverage {
        hits,
        share: hits as f64 / pairs.len().max(1) as f64,
        share_low: interval.low,
        share_high: interval.high,
        below,
        above: pairs.len() - hits - below,
        width: median(&|[low, mid, high]| (high - low) / mid),
        ratio: median(&|[low, _, high]| high / low),
    })
}
