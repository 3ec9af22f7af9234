//! Whether plans hold: recorded runs of varied systems against the intervals predicted for them.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin plan -- --seeds 100..299 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::plan::{Recorded, Row, Summary, learn, record};
use metaorch_benches::{Range, in_parallel, parse, write_rows};
use orchestrator_core::plan::Calibration;

/// How often the intervals of `metaorch plan` hold what a run really uses.
///
/// Every seed is another system with other data, models, prices, latencies and limits, run on a simulated clock. Plans
/// are made from the lengths of prompts alone, from a probe, and from a probe and an earlier run of the same task.
#[derive(clap::Parser)]
#[command(name = "plan", version)]
struct Args {
    /// Seeds, A..B with both ends included. Develop and learn below 100, report on 100 and above.
    #[arg(long, default_value = "0..19")]
    seeds: Range,
    /// Systems a seed.
    #[arg(long, default_value_t = 1)]
    variants: u64,
    /// Runs at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Learns the calibration factors from these runs and writes them to this file.
    #[arg(long, value_name = "FILE")]
    learn: Option<PathBuf>,
    /// Takes the model's own intervals, without calibration.
    #[arg(long)]
    uncalibrated: bool,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args: Args = parse();
    match bench(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> anyhow::Result<()> {
    let cases: Vec<(u64, u64)> =
        args.seeds.iter().flat_map(|seed| (0..args.variants).map(move |v| (seed, v))).collect();
    let recorded = in_parallel(&cases, args.threads, |(seed, variant)| record(*seed, *variant));
    let recorded = recorded.into_iter().collect::<anyhow::Result<Vec<Recorded>>>()?;
    let mut calibration = if args.uncalibrated { Calibration::none() } else { Calibration::shipped() };
    if let Some(file) = &args.learn {
        let made_by = format!(
            "cargo run --release -p metaorch-benches --bin plan -- --seeds {} --variants {} --learn FILE",
            args.seeds, args.variants
        );
        calibration = learn(&recorded, made_by);
        std::fs::write(file, serde_json::to_string_pretty(&calibration)? + "\n")?;
    }
    let rows: Vec<Row> = recorded.iter().map(|r| Row::new(r, &calibration)).collect();
    if let Some(directory) = &args.out {
        write_rows(directory, "plan", &rows)?;
    }
    let summary = Summary::new(&rows)?;
    if !args.json {
        println!("{}", summary.table());
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
