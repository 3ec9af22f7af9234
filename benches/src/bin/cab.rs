//! Optimizers on the simulated compound system: metric calls to reach a held-out quality.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin cab -- --optimizer static-gepa --scenario P --family base \
//!     --instances 1..3 --seeds 0..4 --budget 6000 --rho 0 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::cab::{
    Finished, Known, Operators, Raw, Rows, Searcher, Settings, best_known, run, table,
};
use metaorch_benches::{Range, in_parallel, parse, write_rows};
use orchestrator_core::experience::{Experience, ExperienceStore, PastRun};
use orchestrator_core::simulated::{Family, Scenario};

/// Metric calls an optimizer needs on the simulated compound system.
///
/// The last line of the output is one JSON object; a table for people comes before it unless --json is given.
#[derive(clap::Parser)]
#[command(name = "cab", version)]
struct Args {
    /// What searches.
    #[arg(long, value_enum, default_value = "static-gepa")]
    optimizer: Searcher,
    /// Which operators may propose, where there are several.
    #[arg(long, value_enum, default_value = "reflect")]
    operators: Operators,
    /// What candidates consist of: P (prompts) or F (prompts, numbers, topology).
    #[arg(long, default_value = "P")]
    scenario: Scenario,
    /// The shape of the hidden problem: base, unstructured, epistasis, misleading, useless, tiny, saturated or noisy.
    #[arg(long, default_value = "base")]
    family: Family,
    /// Instances, A..B with both ends included. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "1..3")]
    instances: Range,
    /// Seeds of the runs, A..B with both ends included.
    #[arg(long, default_value = "0..4")]
    seeds: Range,
    /// Metric calls a run.
    #[arg(long, default_value_t = 6000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    budget: u64,
    /// The probability that a repeated evaluation is a fresh draw, 0 to 1; 0 leaves the family's own.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    rho: f64,
    /// Runs at a time. Decides the time taken and nothing else; time a call with 1.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Renames components, slots and options by a permutation of this seed.
    #[arg(long, value_name = "SEED")]
    relabel: Option<u64>,
    /// Runs of every instance and seed in a row, each with the experience of those before it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), value_name = "K")]
    repeat_runs: u64,
    /// A directory whose experience every first run has, and that all runs are added to.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Only searches the best candidates known, and compares them with the reference implementation's.
    #[arg(long)]
    best_known: bool,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("write a number from 0 to 1".to_owned()),
    }
}

fn main() -> ExitCode {
    let args: Args = parse();
    match bench(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> anyhow::Result<ExitCode> {
    let instances: Vec<u64> = args.instances.iter().collect();
    let search = |instance: &u64| best_known(*instance, args.scenario, args.family);
    let known = in_parallel(&instances, args.threads, search).into_iter().collect::<Result<Vec<_>, _>>()?;
    if args.best_known { compare(args, &known) } else { measure(args, &known) }
}

/// Fails where the search stayed below the reference.
fn compare(args: &Args, known: &[Known]) -> anyhow::Result<ExitCode> {
    if let Some(directory) = &args.out {
        write_rows(directory, "cab", known)?;
    }
    let below = known.iter().filter(|k| !k.reaches_reference()).count();
    if !args.json {
        for k in known {
            let mark = if k.reaches_reference() { "" } else { "  below the reference" };
            println!(
                "{:>4}  {:.6}  {:+.2e}{mark}",
                k.instance,
                k.found,
                k.found - k.reference.unwrap_or(k.found)
            );
        }
    }
    println!("{}", serde_json::json!({ "rows": known, "below_reference": below }));
    Ok(if below == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Seeds of repeats lie so far from those of other runs.
const FAR: u64 = 1_000_000;

fn measure(args: &Args, known: &[Known]) -> anyhow::Result<ExitCode> {
    let settings = Settings {
        searcher: args.optimizer,
        operators: args.operators,
        scenario: args.scenario,
        family: args.family,
        budget: args.budget,
        rho: args.rho,
        relabel: args.relabel,
    };
    let cases: Vec<(Known, u64)> =
        known.iter().flat_map(|k| args.seeds.iter().map(move |seed| (*k, seed))).collect();
    let logs = tempfile::tempdir()?;
    let store = args.store.as_ref().map(|folder| ExperienceStore::new(folder.join("experience.jsonl")));
    let before: Vec<PastRun> = store.as_ref().map(ExperienceStore::runs).transpose()?.unwrap_or_default();
    let chains = in_parallel(&cases, args.threads, |(k, seed)| {
        let mut earlier: Vec<Experience> = before.iter().map(|past| past.experience.clone()).collect();
        let mut runs = Vec::new();
        for repeat in 0..args.repeat_runs {
            let seed = seed + FAR * repeat;
            let run = run(&settings, k.instance, seed, k.quality(), &earlier, logs.path())?;
            earlier.extend(run.experience.clone());
            runs.push((*k, (k.instance, seed, repeat, run)));
        }
        anyhow::Ok(runs)
    });
    let (known, finished): (Vec<Known>, Vec<_>) =
        chains.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().unzip();
    if let Some(directory) = &args.out {
        let raw = |(k, (instance, seed, repeat, run)): (&Known, &(u64, u64, u64, Finished))| {
            Raw::new(&settings, (*instance, *seed, *repeat), k.quality(), run)
        };
        write_rows(directory, "cab", &known.iter().zip(&finished).map(raw).collect::<Vec<_>>())?;
    }
    if let Some(store) = &store {
        let past = |(instance, seed, _, run): &(u64, u64, u64, Finished)| {
            let name = format!("cab {} {}", args.scenario.name(), args.family.name());
            let score = run.curve.steps().last().map_or(0.0, |step| step.validation);
            let run_name = format!("{name} {instance} {seed}");
            let experience = run.experience.clone()?;
            Some(PastRun { version: PastRun::VERSION, name, run: run_name, score, experience })
        };
        std::fs::create_dir_all(store.path().parent().unwrap_or(store.path()))?;
        finished.iter().filter_map(past).try_for_each(|past| store.add(&past))?;
    }
    let rows = Rows::new(&finished);
    if !args.json {
        println!("{}", table(&rows));
    }
    println!("{}", serde_json::to_string(&rows)?);
    Ok(ExitCode::SUCCESS)
}
