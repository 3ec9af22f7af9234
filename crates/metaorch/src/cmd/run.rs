//! `run`, `resume` and `demo`: three ways into the same loop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved, Spending};
use orchestrator_core::config::RunConfig;
use orchestrator_core::result::RunResult;
use orchestrator_core::session::Finish;
use orchestrator_core::store::RunDirectory;

use crate::args::Run;
use crate::cmd::config::layers;
use crate::exit;
use crate::progress::{Show, print_json};

/// Starts a run from a file.
pub(crate) async fn run(args: Run, json: bool) -> Result<u8, Error> {
    let mut config = RunConfig::from_file_under(&args.config, layers(&args.settings)?)?;
    if let Some(calls) = args.calls {
        config.budget.calls = Some(calls);
    }
    if let Some(seed) = args.seed {
        config.seed = seed;
    }
    if let Some(val) = args.val {
        config.optimizer.val_examples = Some(val);
    }
    match args.test_examples {
        Some(0) => config.report.test = false,
        Some(n) => config.report.examples = Some(n),
        None => {}
    }
    if let Some(runs) = args.runs {
        config.runs = runs;
    }
    start(Resolved::new(config, &args.config)?, json).await
}

/// Optimises the simulated system.
pub(crate) async fn demo(budget: u64, seed: u64, runs: PathBuf, json: bool) -> Result<u8, Error> {
    let text = format!("name: demo\nseed: {seed}\nsimulated: {{instance: 1}}\nbudget: {{calls: {budget}}}\n");
    let mut config = RunConfig::from_text(&text, "demo")?;
    config.runs = runs;
    start(Resolved::new(config, Path::new("demo"))?, json).await
}

async fn start(resolved: Resolved, json: bool) -> Result<u8, Error> {
    let directory = |resolved: &Resolved| {
        RunDirectory::create(&resolved.config.runs, &resolved.config.name, &resolved.to_yaml()?)
            .map_err(Error::from)
    };
    go(resolved, directory, json).await
}

/// Goes on with a run.
pub(crate) async fn resume(run: &Path, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::from_yaml(&RunDirectory::config(run)?)?;
    go(resolved, |_| RunDirectory::open(run).map_err(Error::from), json).await
}

async fn go(
    resolved: Resolved,
    directory: impl FnOnce(&Resolved) -> Result<RunDirectory, Error>,
    json: bool,
) -> Result<u8, Error> {
    let budget = resolved.config.budget.resolve()?;
    let mut show = Show::new(json, &budget);
    let notice = |n: &Notice| {
        if show.is_json() {
            print_json(n);
        } else {
            show.say(&n.to_string());
        }
    };
    let mut directory = directory(&resolved)?;
    let session = match compose::session(&resolved, Some(&directory), &notice).await {
        Ok(session) => session,
        Err(error) => {
            directory.discard_if_unused();
            return Err(error);
        }
    };
    let path = directory.path().display().to_string();
    if show.is_json() {
        print_json(&serde_json::json!({"event": "run", "directory": path, "seed": session.seed,
            "train": session.train.len(), "val": session.val.len(), "test": session.test.len()}));
    } else {
        show.say(&format!(
            "run {path}   seed {}   data {} train / {} val / {} test (untouched)",
            session.seed,
            session.train.len(),
            session.val.len(),
            session.test.len()
        ));
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let signal = Arc::clone(&interrupted);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            signal.store(true, Ordering::Relaxed);
        }
    });
    let finish = session.run(&mut directory, &mut show, &move || interrupted.load(Ordering::Relaxed)).await;
    show.finish();
    tell_models(&session.spending, &show);
    match finish? {
        Finish::Done(result) => Ok(conclude(&result, &path, &show)),
        Finish::Paused => {
            if show.is_json() {
                print_json(&serde_json::json!({"event": "paused", "directory": path}));
            } else {
                println!("paused; go on with: metaorch resume {path}");
            }
            Ok(exit::PAUSED)
        }
    }
}

/// What the models did in this process, with the cache's hit rate and what had to be asked again.
fn tell_models(spending: &Spending, show: &Show) {
    let (models, endpoints) = (spending.models(), spending.endpoints());
    if models.is_empty() {
        return;
    }
    if show.is_json() {
        print_json(&serde_json::json!({"event": "models", "models": models, "endpoints": endpoints}));
        return;
    }
    for model in models {
        println!("       {model}");
    }
    for (name, stats) in endpoints.iter().filter(|(_, stats)| stats.failed > 0) {
        println!(
            "       {name}: {} of {} requests failed, {} were sent again; {} of them may be billed all the same, \
             at most ${:.4}",
            stats.failed,
            stats.attempts,
            stats.retries,
            stats.uncertain,
            stats.uncertain_cost.nano_usd as f64 * 1e-9
        );
    }
}

fn conclude(result: &RunResult, path: &str, show: &Show) -> u8 {
    if show.is_json() {
        print_json(&serde_json::json!({"event": "result", "directory": path, "result": result}));
    } else {
        println!(
            "done   validation {:.3} -> {:.3}   {} calls, {} proposals, {} model calls, {} tokens, ${:.4}, {:.0} s",
            result.seed_score,
            result.best_score,
            result.total_rollouts,
            result.generations,
            result.spent.calls,
            result.spent.tokens_in + result.spent.tokens_out,
            result.spent.nano_usd as f64 * 1e-9,
            result.optimization_time.as_secs_f64()
        );
        if let Some(held_out) = &result.held_out {
            println!("       {}", held_out.in_words());
        }
        println!("       best system: {path}/best.yaml");
    }
    let improved = result.best_score > result.seed_score;
    if improved { exit::OK } else { exit::NO_IMPROVEMENT }
}
