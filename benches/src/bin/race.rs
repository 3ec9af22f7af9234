//! The evaluation scheduler on a published mix of candidates.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin race -- --streams 10000 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::race::{self, Summary};
use metaorch_benches::{in_parallel, parse, write_rows};

/// What the evaluation scheduler finds, claims and spends on a published mix of candidates.
///
/// A stream is one search: 20 candidates enter a race against one incumbent whose results on the 100 validation examples
/// are known. Every candidate is, independently, better by 0.10 (10 %), equal (30 %) or worse by 0.10 (60 %) in the
/// population the examples are drawn from, and differs from the incumbent on 30 % of examples in the mean. A claim says
/// "this candidate is better than the incumbent in the population"; all 20 are opened before any result and tested
/// together by e-LOND at 0.05 after every block. A claim on a candidate that is equal or worse is false. false_claims
/// is the mean over streams of the largest share of false ones among the claims made, over all moments of the stream: what
/// somebody who stops at the worst moment sees. power is the share of better candidates that the search keeps; power_full
/// that of a one-sided exact sign test at 0.05 on all 100 examples; power_gepa_gate that of GEPA's gate (a larger sum on 3
/// examples), and calls_gepa_gate its calls a candidate (3 of the parent, 3 of the child, 100 where the gate opens).
/// calls_ratio_full is calls a candidate over 100. The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "race", version)]
struct Args {
    /// Streams.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    streams: u64,
    /// Seed of all draws. Develop below 100, report on 100 and above.
    #[arg(long, default_value_t = 100)]
    seed: u64,
    /// Streams at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
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
    let numbers: Vec<u64> = (0..args.streams).collect();
    let rows = in_parallel(&numbers, args.threads, |n| race::stream(args.seed, *n));
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "race", &rows)?;
    }
    let summary = Summary::of(&rows);
    if !args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
