//! `plan`: what a run will use, before it uses anything.

use std::path::Path;
use std::time::{Duration, Instant};

use meta_traits::{Cost, Draw, ExampleId, Fidelity, Instances, Outcome, Stream, Trial, TrialId, Unit};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::RunConfig;
use orchestrator_core::run::RunError;
use orchestrator_core::session::Session;
use serde::Serialize;

use crate::exit;
use crate::progress::print_json;

/// Training examples that a probe tries.
const PROBES: usize = 3;

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
    source: &'static str,
}

/// Predicts metric calls, model calls, tokens, money and time.
///
/// Nothing is spent: prompts are filled in and counted. Only where a call can cost no money (embedded and scripted
/// models, the simulated system), or with `probe`, a few training examples are tried, which also tells the time.
pub(crate) async fn plan(config: &Path, probe: bool, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::new(RunConfig::from_file(config)?, config)?;
    let say = |n: &Notice| {
        if json {
            print_json(n);
        } else {
            println!("{n}");
        }
    };
    let session = compose::session(&resolved, None, &say).await?;
    let call = if probe || !session.may_cost_money { tried(&session).await? } else { foreseen(&session) };
    let calls = session.budget.limit(Unit::Evaluations);
    let (val, minibatch) = (session.val.len() as u64, session.gepa.minibatch as u64);
    // An accepted proposal costs its minibatches and a validation; a rejected one only its minibatches.
    let left = calls.map(|c| c.saturating_sub(val));
    let proposals = left.map(|l| (l / (2 * minibatch + val), l / (2 * minibatch)));
    let test = 2 * session.test.len() as u64;
    let expected = calls.map(|c| call.mean.times(c + test));
    let most = calls.map(|c| call.cap.times(c + test));
    let concurrent = session.evaluator.batching().concurrent.max(1);
    let seconds = call.seconds.zip(calls).map(|(s, c)| (c + test) as f64 * s / concurrent as f64);
    if json {
        print_json(&serde_json::json!({
            "event": "plan", "metric_calls": calls, "test_calls": test, "proposals": proposals, "call": call,
            "expected": expected, "at_most": most, "concurrency": concurrent, "expected_seconds": seconds,
        }));
        return Ok(exit::OK);
    }
    let usd = |c: &Cost| c.nano_usd as f64 * 1e-9;
    println!(
        "a metric call   {} model calls, {} tokens in, {} out ({})",
        call.mean.calls, call.mean.tokens_in, call.mean.tokens_out, call.source
    );
    if let (Some(calls), Some(expected), Some(most), Some((few, many))) = (calls, expected, most, proposals) {
        println!(
            "the search      {calls} metric calls: the seed's validation takes {val}, then {few} to {many} proposals"
        );
        println!("the report      {test} metric calls on the test split, outside the budget of calls");
        println!(
            "in all          {} model calls, {} tokens, ${:.4}; at most {} tokens, ${:.4}",
            expected.calls,
            expected.of(Unit::Tokens),
            usd(&expected),
            most.of(Unit::Tokens),
            usd(&most)
        );
    } else {
        println!("the search      has no limit of metric calls; the other limits end it");
    }
    match seconds {
        Some(seconds) => println!("time            about {seconds:.0} s with {concurrent} calls in flight"),
        None => println!("time            unknown until something is tried: --probe (may cost money)"),
    }
    println!("proposals that a model writes come on top");
    Ok(exit::OK)
}

fn example_trial(session: &Session, example: ExampleId) -> Trial<meta_traits::Components> {
    let on = Instances::Draws(vec![Draw { example, repeat: 0 }]);
    Trial::new(TrialId(0), session.start.clone(), Fidelity::FULL, on)
}

/// The largest cap of a metric call among the first training examples.
fn cap(session: &Session) -> Cost {
    let caps = session.train.iter().take(PROBES).map(|e| session.evaluator.cap(&example_trial(session, *e)));
    caps.max_by_key(|cap| cap.of(Unit::Tokens)).unwrap_or(Cost::evaluations(1))
}

/// What can be told without a call.
fn foreseen(session: &Session) -> Call {
    let cap = cap(session);
    let Some(forecast) = &session.forecast else {
        return Call {
            mean: cap,
            cap,
            seconds: None,
            source: "unknown: the evaluator is an outside program",
        };
    };
    let (tokens_in, tokens_out) = (forecast.tokens_in.mean.ceil(), forecast.tokens_out.mean.ceil());
    let mut mean = Cost::tokens(forecast.calls.mean.ceil() as u64, tokens_in as u64, tokens_out as u64);
    mean.evaluations = 1;
    // Money in proportion to tokens: the cap knows the prices.
    let share = (tokens_in + tokens_out) / (cap.of(Unit::Tokens).max(1) as f64);
    mean.nano_usd = (cap.nano_usd as f64 * share.min(1.0)).ceil() as u64;
    Call { mean, cap, seconds: None, source: "from the lengths of prompts and inputs; nothing was called" }
}

/// What a few training examples really took.
async fn tried(session: &Session) -> Result<Call, Error> {
    let examples: Vec<ExampleId> = session.train.iter().copied().take(PROBES).collect();
    let (mut spent, mut took) = (Cost::ZERO, Duration::ZERO);
    for example in &examples {
        let trial = example_trial(session, *example);
        let started = Instant::now();
        let outcome = session.evaluator.evaluate(&trial, Stream::root(session.seed).child("plan", 0)).await;
        took += started.elapsed();
        if let Outcome::Failed { kind, message, cost } = &outcome {
            let (first, usd) = (format!("{message}, on {example}"), cost.nano_usd as f64 * 1e-9);
            return Err(RunError::Evaluator { failed: 1, calls: 1, first, usd, kind: *kind }.into());
        }
        spent += outcome.cost();
    }
    let n = examples.len().max(1) as u64;
    let mut mean =
        Cost::tokens(spent.calls.div_ceil(n), spent.tokens_in.div_ceil(n), spent.tokens_out.div_ceil(n));
    mean.evaluations = 1;
    mean.nano_usd = spent.nano_usd.div_ceil(n);
    let seconds = Some(took.as_secs_f64() / n as f64);
    Ok(Call { mean, cap: cap(session), seconds, source: "three training examples with the seed's prompts" })
}
