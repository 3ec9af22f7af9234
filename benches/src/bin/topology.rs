//! Searches for structure.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin topology -- flowsim --seeds 1..20 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::topology::flowsim::{self, Family};
use metaorch_benches::{Range, in_parallel, parse, write_rows};

/// What the evolution of structure finds, and after how many evaluations.
///
/// The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "topology", version)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Workflows of simulated modules.
    ///
    /// Every search spends the same evaluations of 100 items; what it recommends after each is scored on 4,000 other
    /// items. Regret is the best score known of an instance (of a long search without noise, and of all
    /// recommendations) less that of the recommendation.
    Flowsim(Flowsim),
}

#[derive(clap::Args)]
struct Flowsim {
    /// Instances of each family. Develop below 100, report on 100 and above.
    #[arg(long, value_name = "A..B", default_value = "1..20")]
    seeds: Range,
    /// Families: A evidence, B checks, C diversity, D bad critics, E saturated, F specialists.
    #[arg(long, value_delimiter = ',', default_value = "A,B,C,D,E,F")]
    families: Vec<Family>,
    /// Runs of each search on each instance.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    runs: u64,
    /// Evaluations of a run.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u64).range(100..=10_000))]
    evaluations: u64,
    /// Whether the search that is compared with the baselines screens by its predictor. Both are run.
    #[arg(long, default_value = "on", value_parser = ["on", "off"])]
    predictor: String,
    /// Instances at a time. Decides the time taken and nothing else.
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
    let done = match &args.task {
        Task::Flowsim(args) => bench(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Flowsim) -> anyhow::Result<()> {
    let of = |family: &Family| args.seeds.iter().map(|seed| (*family, seed)).collect::<Vec<_>>();
    let instances: Vec<(Family, u64)> = args.families.iter().flat_map(of).collect();
    let rows = in_parallel(&instances, args.threads, |(family, seed)| {
        flowsim::row(*family, *seed, args.runs, args.evaluations as usize)
    });
    if let Some(directory) = &args.out {
        write_rows(directory, "topology", &rows)?;
    }
    let predictor = args.predictor == "on";
    let summary = flowsim::Summary::of(&rows, predictor);
    if !args.json {
        println!("{}", serde_json::to_string_pretty(&flowsim::Detail::of(&rows, predictor))?);
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
