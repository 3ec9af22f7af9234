//! Hyperparameter search: regret, speed, fidelities, transfer.
//!
//! ```text
//! cargo run --release -p metaorch-benches --no-default-features --bin bayes -- regret --functions all --seeds 100..119 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use metaorch_benches::bayes::{
    self, CostArgs, FUNCTIONS, FURTHER, FidelityArgs, Function, LatencySummary, RegretSummary, TransferArgs,
    WorseArgs,
};
use metaorch_benches::{Range, in_parallel, parse, write_rows};

/// Hyperparameter search on functions with known optima.
#[derive(clap::Parser)]
#[command(name = "bayes", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Simple regret after 25, 50 and 100 evaluations.
    Regret(Regret),
    /// Milliseconds for one cold suggestion: fit and acquisition, 6 inputs.
    Latency(Latency),
    Fidelity(FidelityArgs),
    Transfer(TransferArgs),
    Cost(CostArgs),
    NeverWorse(WorseArgs),
}

/// Medians over seeds of the least value found less the least value there is.
#[derive(clap::Args)]
struct Regret {
    /// Names with commas between; `all` for the seven of the peers' table, `further` for the twenty others.
    #[arg(long, default_value = "all")]
    functions: String,
    /// Seeds, A..B with both ends included. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..4")]
    seeds: Range,
    /// Evaluations a search.
    #[arg(long, default_value_t = 100)]
    evals: usize,
    /// Random search instead, to compare with.
    #[arg(long)]
    random: bool,
    #[command(flatten)]
    output: Output,
}

/// The least of some repetitions of the processor time on one thread, of a search that is told all its trials at once.
#[derive(clap::Args)]
struct Latency {
    /// Repetitions a size; the least time counts. One above 1,000 trials.
    #[arg(long, default_value_t = 5)]
    repeats: u64,
    /// What `peers/bayes.py latency` printed in the same session, for the ratios.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Runs `benches/peers/bayes.py latency` in this Python environment first, and compares with what it prints.
    #[arg(long, value_name = "PYTHON", conflicts_with = "peers")]
    run_peers: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Output {
    /// Searches at a time. Decides the time taken and nothing else.
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
    let done = match &args.command {
        Command::Regret(args) => regret(args),
        Command::Latency(args) => latency(args),
        Command::Fidelity(args) => bayes::run_fidelity(args),
        Command::Transfer(args) => bayes::run_transfer(args),
        Command::Cost(args) => bayes::run_cost(args),
        Command::NeverWorse(args) => bayes::run_worse(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn functions(names: &str) -> anyhow::Result<Vec<&'static Function>> {
    match names {
        "all" => Ok(FUNCTIONS.iter().collect()),
        "further" => Ok(FURTHER.iter().collect()),
        names => names
            .split(',')
            .map(|name| {
                let known = || FUNCTIONS.iter().chain(FURTHER).map(|f| f.name).collect::<Vec<_>>().join(", ");
                Function::named(name)
                    .with_context(|| format!("no function '{name}'; allowed: all, further, {}", known()))
            })
            .collect(),
    }
}

fn regret(args: &Regret) -> anyhow::Result<()> {
    let cases: Vec<(&'static Function, u64)> = functions(&args.functions)?
        .into_iter()
        .flat_map(|f| args.seeds.iter().map(move |s| (f, s)))
        .collect();
    let search = if args.random { bayes::random_regret } else { bayes::regret };
    let rows = in_parallel(&cases, args.output.threads, |(f, seed)| search(f, *seed, args.evals));
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = &args.output.out {
        write_rows(directory, "bayes", &rows)?;
    }
    let summary = RegretSummary::new(&rows);
    if !args.output.json {
        for (function, at) in &summary.median_regret {
            println!("{function:14} {at:?}");
        }
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

fn latency(args: &Latency) -> anyhow::Result<()> {
    let peers = match &args.run_peers {
        Some(python) => Some(bayes::ask_peers(python, args.repeats.min(3))?),
        None => args.peers.as_ref().map(std::fs::read_to_string).transpose()?,
    };
    let summary = LatencySummary::measure(args.repeats, peers.as_deref())?;
    if !args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
