//! `plan`: what a run will use, before it uses anything.

use std::path::Path;

use meta_traits::{Cost, Draw, ExampleId, Fidelity, Instances, Trial, TrialId, Unit};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::RunConfig;
use orchestrator_core::plan::{
    Amounts, Calibration, DEFAULT_LATENCY, Evidence, Interval, PROBES, PastRun, Prediction, Probe, Simulated,
    Source,
};
use orchestrator_core::session::Session;
use serde::Serialize;

use crate::args::Settings;
use crate::cmd::config::layers;
use crate::exit;
use crate::progress::print_json;

/// What one metric call of the seed takes.
#[derive(Serialize)]
struct Call {
    /// Model calls, tokens and money.
    mean: Cost,
    /// The most it can take: what the budget reserves.
    cap: Cost,
    /// Seconds, where it was tried.
    seconds: Option<f64>,
    /// Where the figures come from.
    source: String,
}

/// Predicts metric calls, model calls, tokens, money and time, each as an interval meant to hold nine runs of ten.
///
/// Nothing is spent: prompts are filled in and counted, and runs simulated. Only where a call can cost no money
/// (embedded and scripted models, the simulated system), or with `probe`, a few training examples are tried, which also
/// tells the time. Finished runs of the same task under the configuration's `runs` directory sharpen the figures.
pub(crate) async fn plan(config: &Path, settings: &Settings, probe: bool, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::new(RunConfig::from_file_under(config, layers(settings)?)?, config)?;
    let say = |n: &Notice| {
        if json {
            print_json(n);
        } else {
            println!("{n}");
        }
    };
    let session = compose::session(&resolved, None, &say).await?;
    let probe = if probe || !session.may_cost_money { Some(Probe::take(&session).await?) } else { None };
    let past = PastRun::find(&resolved.config.runs, &resolved);
    let call = call(&session, probe.as_ref());
    let simulated = Simulated::new(&session, &Evidence { probe, past })?;
    let prediction = simulated.predict(&Calibration::shipped());
    if json {
        print_json(&in_json(&session, &call, &prediction));
    } else {
        print(&session, &call, &prediction);
    }
    Ok(exit::OK)
}

/// Metric calls of the final scoring, at most.
fn test_calls(session: &Session) -> u64 {
    2 * session.test.len() as u64
}

fn in_json(session: &Session, call: &Call, prediction: &Prediction) -> serde_json::Value {
    let limit = session.budget.limit(Unit::Evaluations);
    let test = test_calls(session);
    let total = prediction.total;
    serde_json::json!({
        "event": "plan", "level": prediction.level, "source": prediction.source,
        "assumed_latency": prediction.assumed_latency,
        "calls": prediction.calls, "proposals": prediction.proposals,
        "model_calls": total.map(|t| t.model_calls), "tokens_in": total.map(|t| t.tokens_in),
        "tokens_out": total.map(|t| t.tokens_out), "tokens": total.map(|t| t.tokens),
        "nano_usd": total.map(|t| t.nano_usd), "seconds": total.and_then(|t| t.seconds),
        "parts": {"search": prediction.search, "reflection": prediction.reflection, "report": prediction.report},
        "metric_calls": limit, "test_calls": test, "call": call,
        "at_most": limit.map(|calls| call.cap.times(calls + test)),
        "concurrency": session.evaluator.batching().concurrent.max(1),
    })
}

fn whole(i: &Interval<u64>) -> String {
    format!("{} - {} - {}", i.low, i.mid, i.high)
}

fn usd(i: &Interval<u64>) -> String {
    let [low, mid, high] = [i.low, i.mid, i.high].map(|n| n as f64 * 1e-9);
    format!("${low:.4} - ${mid:.4} - ${high:.4}")
}

fn seconds(i: &Interval<f64>) -> String {
    let digits = usize::from(i.high < 20.0);
    format!("{:.digits$} - {:.digits$} - {:.digits$} s", i.low, i.mid, i.high)
}

fn print(session: &Session, call: &Call, prediction: &Prediction) {
    println!(
        "a metric call   {} model calls, {} tokens in, {} out ({})",
        call.mean.calls, call.mean.tokens_in, call.mean.tokens_out, call.source
    );
    println!("                low - likely - high: nine runs of ten lie between low and high");
    println!(
        "metric calls    {}, of which the seed's validation takes {}",
        whole(&prediction.calls),
        session.val.len()
    );
    println!("proposals       {}", whole(&prediction.proposals));
    let Some(total) = prediction.total else {
        println!("all else        unknown until something is tried: --probe (may cost money)");
        return;
    };
    println!("model calls     {}", whole(&total.model_calls));
    println!("tokens in       {}", whole(&total.tokens_in));
    println!("tokens out      {}", whole(&total.tokens_out));
    println!("money           {}", usd(&total.nano_usd));
    if let Some(time) = &total.seconds {
        let n = session.evaluator.batching().concurrent.max(1);
        let how = if prediction.assumed_latency {
            let [base, read, written] = DEFAULT_LATENCY;
            let read = read * 1000.0;
            format!(
                "; nothing was timed: assumes {base} s a call, {read} s per 1000 tokens read, {written} s a token written; --probe times some"
            )
        } else {
            String::new()
        };
        println!("time            {}, {n} calls in flight{how}", seconds(time));
    }
    let part = |name: &str, amounts: &Option<Amounts>, more: &str| {
        if let Some(a) = amounts.filter(|a| a.model_calls.high > 0) {
            println!(
                "  {name:<13} {} model calls, {} tokens, {}{more}",
                whole(&a.model_calls),
                whole(&a.tokens),
                usd(&a.nano_usd)
            );
        }
    };
    part("search", &prediction.search, "");
    part("proposals", &prediction.reflection, "");
    part("final scoring", &prediction.report, " (outside the budget of metric calls)");
    match prediction.source {
        Source::Lengths => println!("source          lengths of prompts and inputs; nothing was called"),
        Source::Probe { examples } => {
            println!("source          {examples} training examples tried with the seed's prompts");
        }
        Source::History { runs } => println!("source          {runs} finished runs of this task"),
    }
}

/// The mean and the most of a metric call.
fn call(session: &Session, probe: Option<&Probe>) -> Call {
    let cap = cap(session);
    if let Some(probe) = probe.filter(|p| !p.is_empty()) {
        let (spent, n) = (probe.cost(), probe.len() as u64);
        let mut mean =
            Cost::tokens(spent.calls.div_ceil(n), spent.tokens_in.div_ceil(n), spent.tokens_out.div_ceil(n));
        mean.evaluations = 1;
        mean.nano_usd = spent.nano_usd.div_ceil(n);
        let source = format!("{n} training examples with the seed's prompts");
        return Call { mean, cap, seconds: Some(probe.seconds()), source };
    }
    let Some(forecast) = &session.forecast else {
        let source = "unknown: the evaluator is an outside program".into();
        return Call { mean: cap, cap, seconds: None, source };
    };
    let (tokens_in, tokens_out) = (forecast.tokens_in.mean.ceil(), forecast.tokens_out.mean.ceil());
    let mut mean = Cost::tokens(forecast.calls.mean.ceil() as u64, tokens_in as u64, tokens_out as u64);
    mean.evaluations = 1;
    // Money in proportion to tokens: the cap knows the prices.
    let share = (tokens_in + tokens_out) / (cap.of(Unit::Tokens).max(1) as f64);
    mean.nano_usd = (cap.nano_usd as f64 * share.min(1.0)).ceil() as u64;
    let source = "from the lengths of prompts and inputs; nothing was called".into();
    Call { mean, cap, seconds: None, source }
}

/// The largest cap of a metric call among the first training examples.
fn cap(session: &Session) -> Cost {
    let of = |example: &ExampleId| {
        let on = Instances::Draws(vec![Draw { example: *example, repeat: 0 }]);
        session.evaluator.cap(&Trial::new(TrialId(0), session.start.clone(), Fidelity::FULL, on))
    };
    let caps = session.train.iter().take(PROBES).map(of);
    caps.max_by_key(|cap| cap.of(Unit::Tokens)).unwrap_or(Cost::evaluations(1))
}
