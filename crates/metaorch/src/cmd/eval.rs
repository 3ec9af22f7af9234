//! `eval`: scores a run's best system where you say, against a baseline.

use std::path::{Path, PathBuf};

use meta_traits::{Components, Draw, ExampleId, Fidelity, Instances, Outcome, Split, Stream, Trial, TrialId};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::run::{RunError, RunState};
use orchestrator_core::session::Session;
use orchestrator_core::store::RunDirectory;

use crate::args::Eval;
use crate::exit;
use crate::progress::print_json;

/// Scores the best system of a run.
pub(crate) async fn eval(args: Eval, json: bool) -> Result<u8, Error> {
    let mut resolved = Resolved::from_yaml(&RunDirectory::config(&args.run)?)?;
    resolved.config.report = orchestrator_core::config::ReportSpec { test: true, examples: None };
    if let (Some(test), Some(data)) = (&args.test, &mut resolved.config.data) {
        data.test = Some(absolute(test)?);
        if let Some(split) = &mut data.split {
            split.test = None;
        }
    }
    let notice = |n: &Notice| {
        if json {
            print_json(n);
        } else {
            println!("{n}");
        }
    };
    let session = compose::session(&resolved, None, &notice).await?;
    if session.test.is_empty() {
        let message = "the run has no test split. Give --test FILE".to_owned();
        return Err(orchestrator_core::config::ConfigError::Inconsistent { message }.into());
    }
    let best = best_of(&args.run)?;
    let baseline = match args.baseline.as_str() {
        "seed" => session.start.clone(),
        run => best_of(Path::new(run))?,
    };
    let before = score(&session, &baseline).await?;
    let after = if best == baseline { before.clone() } else { score(&session, &best).await? };
    let held_out = session.compare(&before, &after)?;
    let regressed = args.fail_under.is_some_and(|least| held_out.difference.mean < least);
    if json {
        print_json(&serde_json::json!({
            "event": "eval", "baseline": args.baseline, "held_out": held_out, "regressed": regressed,
        }));
    } else {
        println!("{}", held_out.in_words().replace("vs seed", &format!("vs {}", args.baseline)));
        if let (true, Some(least)) = (regressed, args.fail_under) {
            println!("regression: the difference {:+.3} is below {least}", held_out.difference.mean);
        }
    }
    Ok(if regressed { exit::REGRESSION } else { exit::OK })
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|source| RunError::Io { path: path.display().to_string(), source }.into())
}

/// The texts that the run at `path` recommends.
pub(crate) fn best_of(path: &Path) -> Result<Components, Error> {
    let resolved = Resolved::from_yaml(&RunDirectory::config(path)?)?;
    let state: RunState = RunDirectory::state_of(path, resolved.config.limits()?)?.0;
    let best = state.trajectory().last().and_then(|p| state.candidate(p.candidate));
    best.map(|c| c.as_ref().clone()).ok_or(Error::NothingScored)
}

/// Scores on every test example, in their order.
async fn score(session: &Session, candidate: &Components) -> Result<Vec<f32>, Error> {
    let batching = session.evaluator.batching();
    let ids: Vec<ExampleId> = session.test.iter().copied().filter(|id| id.split == Split::Test).collect();
    let mut scores = Vec::with_capacity(ids.len());
    let rng = Stream::root(session.seed).child("eval", 0);
    let blocks: Vec<Trial<Components>> = ids
        .chunks(batching.block.max(1))
        .map(|block| {
            let draws = block.iter().map(|e| Draw { example: *e, repeat: 0 }).collect();
            Trial::new(TrialId(0), candidate.clone(), Fidelity::FULL, Instances::Draws(draws))
        })
        .collect();
    for wave in blocks.chunks(batching.concurrent.max(1)) {
        let evaluations = wave.iter().map(|trial| session.evaluator.evaluate(trial, rng.clone()));
        for outcome in futures_util::future::join_all(evaluations).await {
            match outcome {
                Outcome::Complete(seen) => scores.extend(seen.instances.iter().map(|s| s.score)),
                Outcome::Failed { kind, message, cost } => {
                    let (calls, usd) = (scores.len() as u64 + 1, cost.nano_usd as f64 * 1e-9);
                    return Err(RunError::Evaluator { failed: 1, calls, first: message, usd, kind }.into());
                }
                _ => return Err(RunError::Stuck.into()),
            }
        }
    }
    Ok(scores)
}
