//! `plan`: what a run will use, before it uses anything.

use std::path::Path;
use std::time::{Duration, Instant};

use meta_traits::{Cost, Draw, ExampleId, Fidelity, Instances, Outcome, Stream, Trial, TrialId, Unit};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::RunConfig;
use orchestrator_core::session::Session;

use crate::exit;
use crate::progress::print_json;

/// Training examples that are tried to learn what a metric call takes.
const PROBES: usize = 3;

/// Predicts metric calls, model calls, tokens, money and time.
///
/// A few training examples are evaluated with the seed (their cost is shown); the rest is arithmetic: a metric call of
/// the search costs what the probes did on average, and never more than its cap.
pub(crate) async fn plan(config: &Path, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::new(RunConfig::from_file(config)?, config)?;
    let say = |n: &Notice| {
        if json {
            print_json(n);
        } else {
            println!("{n}");
        }
    };
    let session = compose::session(&resolved, None, &say).await?;
    let probe = probe(&session).await?;
    let calls = session.budget.limit(Unit::Evaluations);
    let (val, minibatch) = (session.val.len() as u64, session.gepa.minibatch as u64);
    let left = calls.map(|c| c.saturating_sub(val));
    // An accepted proposal costs its minibatches and a validation; a rejected one only its minibatches.
    let proposals = left.map(|l| (l / (2 * minibatch + val), l / (2 * minibatch)));
    let test = 2 * session.test.len() as u64;
    let expected = calls.map(|c| probe.mean.times(c + test));
    let most = calls.map(|c| probe.cap.times(c + test));
    if json {
        print_json(&serde_json::json!({
            "event": "plan", "metric_calls": calls, "test_calls": test, "proposals": proposals,
            "per_call": probe.mean, "per_call_cap": probe.cap, "expected": expected, "at_most": most,
            "seconds_per_call": probe.seconds, "concurrency": probe.concurrent,
            "expected_seconds": calls.map(|c| (c + test) as f64 * probe.seconds / probe.concurrent as f64),
            "probes": probe.spent,
        }));
        return Ok(exit::OK);
    }
    let (c, t) = (&probe.mean, probe.seconds);
    println!(
        "a metric call   {} model calls, {} tokens in, {} out, ${:.6}, {t:.2} s ({PROBES} probes of the seed)",
        c.calls,
        c.tokens_in,
        c.tokens_out,
        c.nano_usd as f64 * 1e-9
    );
    match (calls, expected, most, proposals) {
        (Some(calls), Some(expected), Some(most), Some((few, many))) => {
            println!(
                "the search      {calls} metric calls: the seed's validation takes {val}, then {few} to {many} proposals"
            );
            println!("the report      {test} metric calls on the test split, outside the budget of calls");
            println!(
                "in all          {} model calls, {} tokens, ${:.4}; at most {} tokens, ${:.4}",
                expected.calls,
                expected.of(Unit::Tokens),
                expected.nano_usd as f64 * 1e-9,
                most.of(Unit::Tokens),
                most.nano_usd as f64 * 1e-9
            );
            let seconds = (calls + test) as f64 * t / probe.concurrent as f64;
            println!("time            about {seconds:.0} s with {} calls in flight", probe.concurrent);
        }
        _ => println!("the search      has no limit of metric calls; the other limits end it"),
    }
    println!("proposals that a model writes come on top");
    Ok(exit::OK)
}

struct Probe {
    mean: Cost,
    cap: Cost,
    spent: Cost,
    seconds: f64,
    concurrent: usize,
}

async fn probe(session: &Session) -> Result<Probe, Error> {
    let examples: Vec<ExampleId> = session.train.iter().copied().take(PROBES).collect();
    let (mut spent, mut cap, mut took) = (Cost::ZERO, Cost::ZERO, Duration::ZERO);
    for example in &examples {
        let on = Instances::Draws(vec![Draw { example: *example, repeat: 0 }]);
        let trial = Trial::new(TrialId(0), session.start.clone(), Fidelity::FULL, on);
        let started = Instant::now();
        let most = session.evaluator.cap(&trial);
        let outcome = session.evaluator.evaluate(&trial, Stream::root(session.seed).child("plan", 0)).await;
        took += started.elapsed();
        if let Outcome::Failed { kind, message, cost } = &outcome {
            let (first, usd) = (format!("{message}, on {example}"), cost.nano_usd as f64 * 1e-9);
            return Err(orchestrator_core::run::RunError::Evaluator {
                failed: 1,
                calls: 1,
                first,
                usd,
                kind: *kind,
            }
            .into());
        }
        spent += outcome.cost();
        if most.of(Unit::Tokens) >= cap.of(Unit::Tokens) {
            cap = most;
        }
    }
    let n = examples.len().max(1) as u64;
    let mut mean = Cost::evaluations(1);
    mean.calls = spent.calls.div_ceil(n);
    mean.tokens_in = spent.tokens_in.div_ceil(n);
    mean.tokens_out = spent.tokens_out.div_ceil(n);
    mean.nano_usd = spent.nano_usd.div_ceil(n);
    let batching = session.evaluator.batching();
    Ok(Probe {
        mean,
        cap,
        spent,
        seconds: took.as_secs_f64() / n as f64,
        concurrent: batching.concurrent.max(1),
    })
}
