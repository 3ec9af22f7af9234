//! `tune`: a search over the parameters of any program.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use orchestrator_core::Error;
use orchestrator_core::config::ConfigError;
use orchestrator_core::run::RunError;
use orchestrator_core::store::RunDirectory;

use crate::args::Tune;
use crate::exit;
use crate::progress::print_json;
use crate::tune::drive::{End, drive};
use crate::tune::show::{Show, failure, reported};
use crate::tune::study::{Study, Trial};
use crate::tune::{Program, Settings, page, read_space, read_trials, stdio};

/// Where searches without a directory of their own are made.
const ROOT: &str = "runs";

/// Starts a search, or goes on with the one in `--out`.
pub(crate) async fn tune(args: Tune, json: bool) -> Result<u8, Error> {
    let (greet, mut input) = (args.space.is_none(), BufReader::new(std::io::stdin()));
    let space = match &args.space {
        Some(path) => read_space(path)?,
        None if args.stdio => stdio::space_of_hello(&mut input).map_err(inconsistent)?,
        None => {
            return Err(inconsistent("tune: --space is missing. Name the file of the search space".into()));
        }
    };
    let imports = args.import.iter().map(|path| read_trials(path, &space, args.maximize));
    let imports = imports.collect::<Result<_, _>>()?;
    let (stdio, out) = (args.stdio, args.out.clone());
    let settings = Settings {
        algorithm: args.algorithm,
        seed: args.seed,
        evals: args.evals,
        parallel: args.parallel.get(),
        maximize: args.maximize,
        stdin: args.stdin,
        timeout: args.timeout,
        failure_limit: args.failure_limit,
        fidelities: args.fidelities,
        eta: args.eta,
        cost_budget: args.cost_budget,
        objectives: args.objectives.into(),
        stop_regret: args.stop_regret,
        resolution: args.resolution.get(),
        imports,
        command: args.command,
        space,
    };
    if stdio {
        let directory = out.map(|path| hold(&path, &settings)).transpose()?;
        let mut study = match &directory {
            Some(directory) => open(settings, directory)?,
            None => Study::open(settings, None)?,
        };
        stdio::serve(&mut study, input, std::io::stdout().lock(), greet)?;
        return Ok(exit::OK);
    }
    // What is wrong with the command is told before anything is made.
    Program::new(&settings, PathBuf::new())?;
    let directory = match out {
        Some(path) => hold(&path, &settings)?,
        None => RunDirectory::create(Path::new(ROOT), "tune", &written(&settings)?)?,
    };
    go(settings, &directory, json).await
}

/// Whether the run directory at `path` holds a search of this kind.
pub(crate) fn is_search(path: &Path) -> bool {
    RunDirectory::config(path).is_ok_and(|text| serde_json::from_str::<Settings>(&text).is_ok())
}

/// Goes on with the search at `path`.
pub(crate) async fn resume(path: &Path, json: bool) -> Result<u8, Error> {
    let settings = settings(path)?;
    go(settings, &RunDirectory::open(path)?, json).await
}

/// Shows how far the search at `path` is.
pub(crate) fn status(path: &Path, json: bool) -> Result<u8, Error> {
    let settings = settings(path)?;
    let (asked, told) = Study::counts(path)?;
    let evals = settings.evals;
    if json {
        print_json(&serde_json::json!({"event": "status", "directory": path, "asked": asked, "told": told,
            "evals": evals, "algorithm": settings.algorithm}));
    } else {
        let of = evals.map(|n| format!(" of {n}")).unwrap_or_default();
        println!("{}   {told}{of} trials told, {} pending", path.display(), asked - told.min(asked));
    }
    Ok(exit::OK)
}

fn settings(path: &Path) -> Result<Settings, Error> {
    let text = RunDirectory::config(path)?;
    serde_json::from_str(&text)
        .map_err(|e| inconsistent(format!("{}/config.resolved.yaml: {e}", path.display())))
}

/// Opens the directory of an earlier search, or makes it.
fn hold(path: &Path, settings: &Settings) -> Result<RunDirectory, Error> {
    let file = path.join("config.resolved.yaml");
    if !file.is_file() {
        let made =
            fs::create_dir_all(path).and_then(|()| fs::write(&file, written(settings).unwrap_or_default()));
        made.map_err(|source| RunError::Io { path: path.display().to_string(), source })?;
    }
    Ok(RunDirectory::open(path)?)
}

/// The search in `directory`. The number of trials may be raised; whatever else differs is found by the log.
fn open(settings: Settings, directory: &RunDirectory) -> Result<Study, Error> {
    let study = Study::open(settings, Some(directory.events()?))?;
    directory.write_json("config.resolved.yaml", &study.settings)?;
    Ok(study)
}

fn written(settings: &Settings) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(settings);
    text.map_err(|e| inconsistent(format!("tune: the settings cannot be written: {e}")))
}

async fn go(settings: Settings, directory: &RunDirectory, json: bool) -> Result<u8, Error> {
    let program = Program::new(&settings, directory.path().join("logs"))?;
    let mut study = open(settings, directory)?;
    let path = directory.path().display().to_string();
    let mut show = Show::new(json, &study);
    if show.json {
        print_json(&serde_json::json!({"event": "tune", "directory": path, "replayed": study.replayed()}));
    } else {
        println!("search {path}   {} parameters, seed {}", study.settings.space.len(), study.settings.seed);
    }
    let interrupted = Box::pin(async {
        // Where no interrupt can be waited for, the search goes on until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let draw = |study: &Study| write_page(study, directory);
    let end = drive(&mut study, program, &mut show, interrupted, draw).await;
    show.finish();
    write_page(&study, directory)?;
    let end = end?;
    if end == End::Paused {
        if show.json {
            print_json(&serde_json::json!({"event": "paused", "directory": path}));
        } else {
            println!("paused; go on with: metaorch resume {path}");
        }
        return Ok(exit::PAUSED);
    }
    conclude(&study, directory, end, &show)
}

/// Writes the page beside the log; a reader finds the old one or the new one, never a part.
fn write_page(study: &Study, directory: &RunDirectory) -> Result<(), Error> {
    let (part, whole) = (directory.path().join("page.html.part"), directory.path().join("page.html"));
    let made = fs::write(&part, page(study)).and_then(|()| fs::rename(&part, &whole));
    Ok(made.map_err(|source| RunError::Io { path: whole.display().to_string(), source })?)
}

/// A trial with a usable result, for `result.json`.
fn shown(study: &Study, trial: &Trial) -> serde_json::Value {
    let values: Vec<f64> = trial.losses().unwrap_or_default().iter().map(|l| reported(study, *l)).collect();
    let fidelity = trial.loss().map(|(_, fidelity)| fidelity.get());
    serde_json::json!({"trial": trial.id, "parameters": trial.parameters, "value": values.first(), "values": values,
        "fidelity": fidelity})
}

fn conclude(study: &Study, directory: &RunDirectory, end: End, show: &Show) -> Result<u8, Error> {
    let failed = study.trials().filter(|t| failure(t).is_some()).count();
    let reason = match end {
        End::Done(reason) => Some(reason),
        End::Paused => None,
    };
    let best = study.best().and_then(|best| Some((best, best.loss()?)));
    let front: Vec<_> = study.front().map(|t| shown(study, t)).collect();
    let result = serde_json::json!({
        "best": best.map(|(best, _)| shown(study, best)), "front": (study.settings.objectives > 1).then_some(front),
        "trials": study.trials().len(), "regret_bound": study.regret_bound(), "failed": failed, "cost": study.spent(), "stop": reason,
    });
    directory.write_json("result.json", &result)?;
    let path = directory.path().display();
    if show.json {
        print_json(&serde_json::json!({"event": "result", "directory": path.to_string(), "result": result}));
    } else if let Some((best, (loss, _))) = best {
        println!("done   best {} at trial {} of {}", reported(study, loss), best.id, study.trials().len());
        for (name, value) in best.parameters.iter() {
            println!("       {name} = {value}");
        }
        println!("       {path}/page.html");
    }
    Ok(if best.is_some() { exit::OK } else { exit::NO_IMPROVEMENT })
}

fn inconsistent(message: String) -> Error {
    ConfigError::Inconsistent { message }.into()
}
