//! The prompt pillar on its benchmarks.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin prompt -- promptscape --preset model --landscapes 0..19 --json
//! ```
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use metaorch_benches::prompt::attribution as effects;
use metaorch_benches::prompt::derive::{self, DeriveArgs};
use metaorch_benches::prompt::ge::{self, GeArgs};
use metaorch_benches::prompt::overhead;
use metaorch_benches::prompt::patterns::{self, PatternArgs};
use metaorch_benches::prompt::promptscape::{self, Landscape, Preset, Row, Settings, Summary, Variant};
use metaorch_benches::{Range, in_parallel, parse, write_rows};
use prompt_grammar::optimizer::ModelOptions;

/// Measures the prompt pillar. The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "prompt", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Promptscape(Scape),
    PromptscapeExport(Export),
    Derive(DeriveArgs),
    Ge(GeArgs),
    Patterns(PatternArgs),
    Attribution(Attribution),
    Overhead(Overhead),
}

/// Runs a search on PromptScape landscapes: gain at the end of the budget, mean gain over it, calls to held gains.
#[derive(clap::Args)]
struct Scape {
    /// The search.
    #[arg(long, value_enum)]
    preset: Preset,
    /// How often the proposer sees what would help; 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    rho: f64,
    /// Landscapes. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..11")]
    landscapes: Range,
    /// What effects are made of.
    #[arg(long, value_enum, default_value = "base")]
    variant: Variant,
    /// Runs on each landscape.
    #[arg(long, default_value = "1")]
    runs: NonZeroUsize,
    /// Example calls a run.
    #[arg(long, default_value_t = 3000)]
    budget: u64,
    /// Runs at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Options of the model-guided search, as JSON.
    #[arg(long, value_parser = options)]
    options: Option<ModelOptions>,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

/// Writes landscapes as JSON files, for programs in other languages.
#[derive(clap::Args)]
struct Export {
    /// Landscapes.
    #[arg(long, default_value = "0..11")]
    landscapes: Range,
    /// What effects are made of.
    #[arg(long, value_enum, default_value = "base")]
    variant: Variant,
    /// The directory to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Rank correlation of estimated with true main effects after 1,000, 3,000 and 10,000 calls on designed prompts, and the
/// largest error of the efficiency axiom of Shapley values.
#[derive(clap::Args)]
struct Attribution {
    /// Landscapes. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..7")]
    landscapes: Range,
    /// Landscapes at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

/// Processor time of a round of the model-guided search, evaluations left out: mean and greatest, in milliseconds.
#[derive(clap::Args)]
struct Overhead {
    /// The landscape.
    #[arg(long, default_value_t = 0)]
    landscape: u64,
    /// Prompts tried before the first round that counts.
    #[arg(long, default_value_t = 400)]
    candidates: usize,
    /// Rounds that count.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err("write a number from 0 to 1".to_owned()),
    }
}

fn options(text: &str) -> Result<ModelOptions, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn main() -> ExitCode {
    let args: Args = parse();
    let done = match &args.command {
        Command::Promptscape(args) => promptscape(args),
        Command::PromptscapeExport(args) => export(args),
        Command::Derive(args) => derive::derive(args),
        Command::Ge(args) => ge::evolve(args),
        Command::Patterns(args) => patterns::patterns(args),
        Command::Attribution(args) => attribution(args),
        Command::Overhead(args) => overhead(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn promptscape(args: &Scape) -> anyhow::Result<()> {
    let runs = args.runs.get() as u64;
    let numbers: Vec<(u64, u64)> =
        args.landscapes.iter().flat_map(|number| (0..runs).map(move |run| (number, run))).collect();
    let settings = Settings {
        preset: args.preset,
        variant: args.variant,
        rho: args.rho,
        budget: args.budget,
        model: args.options.clone().unwrap_or_default(),
        run: 0,
    };
    let rows = in_parallel(&numbers, args.threads, |(number, run)| {
        let landscape = Landscape::new(*number, args.variant);
        let settings = Settings { run: *run, ..settings.clone() };
        let run = promptscape::run(&landscape, &settings)?;
        anyhow::Ok(Row::new(&landscape, &settings, &run))
    });
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "prompt", &rows)?;
    }
    if !args.json {
        for row in &rows {
            println!("{:>4}  gain {:.3}  area {:.3}  held {:?}", row.landscape, row.gain, row.area, row.held);
        }
    }
    println!("{}", serde_json::to_string(&Summary::of(&rows, args.budget))?);
    Ok(())
}

fn export(args: &Export) -> anyhow::Result<()> {
    for number in args.landscapes.iter() {
        promptscape::export(&Landscape::new(number, args.variant), &args.out)?;
    }
    Ok(())
}

fn attribution(args: &Attribution) -> anyhow::Result<()> {
    let numbers: Vec<u64> = args.landscapes.iter().collect();
    let row = |number: &u64| effects::attribution(&Landscape::new(*number, Variant::Base));
    let rows = in_parallel(&numbers, args.threads, row);
    if let Some(directory) = &args.out {
        write_rows(directory, "prompt", &rows)?;
    }
    if !args.json {
        for row in &rows {
            println!("{:>4}  {:?}  {:.1e}", row.landscape, row.rank_correlation, row.efficiency_error);
        }
    }
    let mean = |i: usize| rows.iter().map(|r| r.rank_correlation[i]).sum::<f64>() / rows.len() as f64;
    let correlation: BTreeMap<String, f64> =
        effects::AT.iter().enumerate().map(|(i, calls)| (calls.to_string(), mean(i))).collect();
    let error = rows.iter().map(|r| r.efficiency_error).fold(0.0, f64::max);
    println!("{}", serde_json::json!({ "rank_correlation": correlation, "efficiency_error": error }));
    Ok(())
}

fn overhead(args: &Overhead) -> anyhow::Result<()> {
    let (mean, greatest) = overhead::milliseconds(args.landscape, args.candidates, args.rounds)?;
    println!("{}", serde_json::json!({ "ms_a_round": mean, "greatest_ms": greatest }));
    Ok(())
}
