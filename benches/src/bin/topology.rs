//! Searches for structure.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin topology -- flowsim --seeds 1..20 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::topology::flowsim::{self, Family};
#[cfg(feature = "nas")]
use metaorch_benches::topology::nas;
use metaorch_benches::topology::networks::{self, Problem};
use metaorch_benches::topology::throughput;
use metaorch_benches::{Range, in_parallel, parse, read_rows, write_rows};
use topology_neat::NeatOptions;

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
    /// Exclusive or: evaluations until all four outputs are on the right side of 0.5, at most 100 generations.
    Xor(Networks),
    /// Two poles with velocities: evaluations until one network balances for 100,000 steps from 4.5 degrees.
    Dpv(Networks),
    /// Two poles without velocities: evaluations until the best of a generation balances for 100,000 steps and from
    /// 200 of 625 starts; those tests are not counted as evaluations.
    Dpnv(Networks),
    /// Architectures of small networks.
    ///
    /// Every search trains one network an evaluation and sees its validation error. Counted are the evaluations until the
    /// test error of what it chooses is at the target of the problem.
    #[cfg(feature = "nas")]
    Nas(Nas),
    /// Exclusive or for 2,000 generations a seed, one after the other: generations a second of processor time.
    Throughput(Networks),
}

#[cfg(feature = "nas")]
#[derive(clap::Args)]
struct Nas {
    /// Seeds of the searches. Develop below 100, report on 100 and above.
    #[arg(long, value_name = "A..B", default_value = "0..9")]
    seeds: Range,
    /// Problems: spirals, digits.
    #[arg(long, value_delimiter = ',', default_value = "spirals,digits")]
    problems: Vec<nas::Problem>,
    /// Evaluations of a run.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    evaluations: u64,
    /// Runs at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Sums up these raw rows and runs nothing: those of a measurement that was split by seeds.
    #[arg(long, value_name = "FILE")]
    rows: Vec<PathBuf>,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

/// Evaluations are counted to the end of the generation that solves the task. Means and medians are of solved runs.
#[derive(clap::Args)]
struct Networks {
    /// Seeds, one run each. Develop below 100, report on 100 and above.
    #[arg(long, value_name = "A..B", default_value = "0..49")]
    seeds: Range,
    /// Replaces settings of the task: a JSON object with fields of the options.
    #[arg(long, value_name = "JSON")]
    set: Option<String>,
    /// Runs at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Sums up these raw rows and runs nothing: those of a measurement that was split by seeds.
    #[arg(long, value_name = "FILE")]
    rows: Vec<PathBuf>,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
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
    /// Sums up these raw rows and runs nothing: those of a measurement that was split by seeds.
    #[arg(long, value_name = "FILE")]
    rows: Vec<PathBuf>,
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
        Task::Xor(args) => evolve(Problem::Xor, args),
        Task::Dpv(args) => evolve(Problem::Dpv, args),
        Task::Dpnv(args) => evolve(Problem::Dpnv, args),
        #[cfg(feature = "nas")]
        Task::Nas(args) => architectures(args),
        Task::Throughput(args) => time(args),
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
    let rows = if args.rows.is_empty() {
        in_parallel(&instances, args.threads, |(family, seed)| {
            flowsim::row(*family, *seed, args.runs, args.evaluations as usize)
        })
    } else {
        read_rows(&args.rows)?
    };
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

/// The settings of the task with those of `set` in their place.
fn options(problem: Problem, set: Option<&str>) -> anyhow::Result<NeatOptions> {
    let mut all = serde_json::to_value(problem.options())?;
    if let Some(set) = set {
        let set: serde_json::Map<String, serde_json::Value> = serde_json::from_str(set)?;
        for (field, value) in set {
            match value {
                serde_json::Value::Object(inner) => inner.into_iter().for_each(|(k, v)| all[&field][k] = v),
                value => all[&field] = value,
            }
        }
    }
    let options: NeatOptions = serde_json::from_value(all)?;
    options.validate()?;
    Ok(options)
}

fn evolve(problem: Problem, args: &Networks) -> anyhow::Result<()> {
    let options = options(problem, args.set.as_deref())?;
    let seeds: Vec<u64> = args.seeds.iter().collect();
    let rows = if args.rows.is_empty() {
        let rows = in_parallel(&seeds, args.threads, |seed| problem.run(*seed, options.clone()));
        rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?
    } else {
        read_rows(&args.rows)?
    };
    if let Some(directory) = &args.out {
        write_rows(directory, "topology", &rows)?;
    }
    let summary = networks::Summary::of(&rows);
    if !args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

fn time(args: &Networks) -> anyhow::Result<()> {
    let options = options(Problem::Xor, args.set.as_deref())?;
    let run = |seed| throughput::run(seed, 2_000, options.clone());
    let rows = if args.rows.is_empty() {
        args.seeds.iter().map(run).collect::<anyhow::Result<Vec<_>>>()?
    } else {
        read_rows(&args.rows)?
    };
    if let Some(directory) = &args.out {
        write_rows(directory, "topology", &rows)?;
    }
    let summary = throughput::Summary::of(&rows);
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

#[cfg(feature = "nas")]
fn architectures(args: &Nas) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for problem in &args.problems {
        let methods = |seed| nas::Method::ALL.map(|method| (*problem, method, seed));
        runs.extend(args.seeds.iter().flat_map(methods));
    }
    let found = if args.rows.is_empty() {
        let found = in_parallel(&runs, args.threads, |(problem, method, seed)| {
            nas::run(*problem, *method, *seed, args.evaluations as usize)
        });
        found.into_iter().collect::<anyhow::Result<Vec<nas::Run>>>()?
    } else {
        read_rows(&args.rows)?
    };
    if let Some(directory) = &args.out {
        write_rows(directory, "topology", &found)?;
    }
    if !args.json {
        for problem in &args.problems {
            let of: Vec<nas::Run> = found.iter().filter(|r| r.problem == *problem).cloned().collect();
            println!("{problem} {}", serde_json::to_string(&nas::Summary::of(&of))?);
        }
    }
    println!("{}", serde_json::to_string(&nas::Summary::of(&found))?);
    Ok(())
}
