//! Optimizers on the simulated compound system: metric calls to reach a held-out quality.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin cab -- --optimizer static-gepa --scenario P --family base \
//!     --instances 1..3 --seeds 0..4 --budget 6000 --rho 0 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::cab::{Known, Operators, Raw, Rows, Searcher, Settings, best_known, run, table};
use metaorch_benches::{Range, in_parallel, parse, write_rows};
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
    let finished = in_parallel(&cases, args.threads, |(k, seed)| {
        let run = run(&settings, k.instance, *seed, k.quality(), logs.path())?;
        anyhow::Ok((k.instance, *seed, run))
    });
    let finished = finished.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = &args.out {
        let raw = |((k, seed), (_, _, run)): (&(Known, u64), &(u64, u64, _))| {
            Raw::new(&settings, k.instance, *seed, k.quality(), run)
        };
        write_rows(directory, "cab", &cases.iter().zip(&finished).map(raw).collect::<Vec<_>>())?;
    }
    let rows = Rows::new(&finished);
    if !args.json {
        println!("{}", table(&rows));
    }
    println!("{}", serde_json::to_string(&rows)?);
    Ok(ExitCode::SUCCESS)
}
