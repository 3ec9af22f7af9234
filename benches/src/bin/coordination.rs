//! What coordination costs and brings.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin coordination -- policy --seeds 100..199 --json
//! ```
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use metaorch_benches::coordination::{
    budget, conflicts, idle, policy, predict, regularise, schedule, throughput,
};
use metaorch_benches::{Range, in_parallel, parse, processor_seconds, write_rows};
use serde_json::json;

/// What coordination costs and brings. The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "coordination", version)]
struct Args {
    #[command(subcommand)]
    figure: Figure,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Figure {
    /// Virtual time to finish 1,000 updates of 32 clients on 16 components, by order of admission.
    ///
    /// Each workload draws 1 to 3 components an update with Zipf's exponent 1, 70 % written, log-normal work with mean 1
    /// a step. Figures are medians over workloads; wasted is the most of any.
    Policy {
        /// Workloads, A..B with both ends included. Develop below 100, report on 100 and above.
        #[arg(long, default_value = "0..19")]
        seeds: Range,
        /// Mean works of a step that an update waits before nobody overtakes it any more.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
        bound: u64,
        /// Workloads at a time. Decides the time taken and nothing else.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// How often costs stay within their stated P90, and how sharp it is, over the last 4,000 of 5,000 tasks.
    ///
    /// Streams are published in `benches/src/coordination/predict/stream.rs`. The pinball loss is by that of the running P90 of
    /// the same component.
    Predict {
        /// Streams, A..B with both ends included. Develop below 100, report on 100 and above.
        #[arg(long, default_value = "0..9")]
        seeds: Range,
        /// Random workloads under hard budgets, for the overspend; see `faults`.
        #[arg(long, default_value = "0..9999")]
        workloads: Range,
        /// Streams at a time. Decides the time taken and nothing else.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// What regularisation brings a learner that overfits, on domains that take no part in learning or judging.
    Regularise {
        /// Worlds, A..B with both ends included. Develop below 100, report on 100 and above.
        #[arg(long, default_value = "0..39")]
        seeds: Range,
        /// Worlds at a time. Decides the time taken and nothing else.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// Random schedules and workloads with time-outs, cancellations, failures and crashes: effects lost or doubled, waits
    /// above their bound, hard budgets overspent.
    Faults {
        /// Workloads, A..B with both ends included.
        #[arg(long, default_value = "0..9999")]
        workloads: Range,
        /// Workloads at a time. Decides the time taken and nothing else.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// Processor time and wakeups while updates wait and nothing happens.
    Idle {
        /// Updates that wait.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        waiting: u64,
        /// Seconds for which they do.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
    },
    /// Processor nanoseconds an update for admission, at two lengths of history; least of five repeats.
    Conflicts,
    /// Processor time an update of the whole path, by that of a spawned task with a lock; medians over repeats.
    Throughput {
        /// Updates in flight; one figure each.
        #[arg(long, value_delimiter = ',', default_value = "1,4,1000")]
        concurrency: Vec<NonZeroUsize>,
        /// Repeats, each measuring both.
        #[arg(long, default_value_t = 15)]
        repeats: u64,
        /// Updates a repeat.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
        updates: u64,
    },
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
    let summary = match &args.figure {
        Figure::Policy { seeds, bound, threads } => {
            use policy::Policy::{Aging, Fifo, Serial, SkipAhead};
            let seeds: Vec<u64> = seeds.iter().collect();
            let run = |seed: &u64| -> anyhow::Result<[policy::Row; 4]> {
                let [serial, fifo, skip, aging] = [Serial, Fifo, SkipAhead, Aging];
                let row = |p| policy::simulate(*seed, p, Duration::from_secs(*bound));
                Ok([row(serial)?, row(fifo)?, row(skip)?, row(aging)?])
            };
            let rows = in_parallel(&seeds, *threads, run).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows.concat())?;
            }
            serde_json::to_value(policy::Summary::of(&rows))?
        }
        Figure::Regularise { seeds, threads } => {
            let seeds: Vec<u64> = seeds.iter().collect();
            let run = |seed: &u64| regularise::measure(*seed);
            let rows = in_parallel(&seeds, *threads, run).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows)?;
            }
            serde_json::to_value(regularise::Summary::of(&rows))?
        }
        Figure::Faults { workloads, threads } => {
            let seeds: Vec<u64> = workloads.iter().collect();
            let rows = in_parallel(&seeds, *threads, |seed| schedule::run(*seed));
            let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows)?;
            }
            let budgets = budgets(workloads, *threads)?;
            let mut summary = serde_json::to_value(schedule::Summary::of(&rows))?;
            summary["budgets"] = serde_json::to_value(budget::Summary::of(&budgets))?;
            summary
        }
        Figure::Predict { seeds, workloads, threads } => {
            let seeds: Vec<u64> = seeds.iter().collect();
            let rows = in_parallel(&seeds, *threads, |seed| predict::measure(*seed)).concat();
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows)?;
            }
            if !args.json {
                println!("{}", serde_json::to_string_pretty(&predict::parts(&rows))?);
            }
            let predict::Summary { coverage_90, pinball_ratio } = predict::Summary::of(&rows);
            let overspend = budget::Summary::of(&budgets(workloads, *threads)?).overspend;
            json!({ "coverage_90": coverage_90, "pinball_ratio": pinball_ratio, "overspend": overspend })
        }
        Figure::Idle { waiting, seconds } => {
            let row = idle::measure(*waiting, *seconds)?;
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &[row])?;
            }
            serde_json::to_value(row)?
        }
        Figure::Conflicts => {
            let (mut rows, mut least) = (Vec::new(), BTreeMap::new());
            for updates in [100_000, 1_000_000] {
                for repeat in 0..5 {
                    let clock = || processor_seconds().context("processor time is read from /proc");
                    let before = clock()?;
                    anyhow::ensure!(conflicts::drive(updates, repeat)? == updates, "updates were lost");
                    let ns = (clock()? - before) * 1e9 / updates as f64;
                    rows.push(json!({ "updates": updates, "repeat": repeat, "ns": ns }));
                    let entry = least.entry(updates.to_string()).or_insert(ns);
                    *entry = entry.min(ns);
                }
            }
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows)?;
            }
            json!({ "ns": least })
        }
        Figure::Throughput { concurrency, repeats, updates } => {
            let (mut rows, mut ratio) = (Vec::new(), BTreeMap::new());
            for concurrency in concurrency.iter().map(|c| c.get()) {
                let mut ratios = Vec::new();
                for repeat in 0..*repeats {
                    let row = throughput::measure(concurrency, repeat, *updates as usize)?;
                    ratios.push(row.full / row.raw);
                    rows.push(row);
                }
                ratios.sort_by(f64::total_cmp);
                ratio.insert(concurrency.to_string(), ratios[ratios.len() / 2]);
            }
            if let Some(directory) = &args.out {
                write_rows(directory, "coordination", &rows)?;
            }
            json!({ "ratio": ratio })
        }
    };
    if !args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    println!("{summary}");
    Ok(())
}

fn budgets(workloads: &Range, threads: NonZeroUsize) -> anyhow::Result<Vec<budget::Row>> {
    let seeds: Vec<u64> = workloads.iter().collect();
    in_parallel(&seeds, threads, |seed| budget::drive(*seed)).into_iter().collect()
}
