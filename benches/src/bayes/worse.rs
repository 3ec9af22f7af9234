//! Whether the search is ever worse than random points.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Serialize;

use super::{FURTHER, Function, median, random_regret, regret};
use crate::{Range, in_parallel, write_rows};

/// Median regrets of the search and of random points on twenty functions: noisy, discontinuous, constant, failing, with
/// 50 inputs.
///
/// A function counts as worse where the median regret over seeds is above that of random points; noise hides the regret
/// from the search and not from the count.
#[derive(clap::Args)]
pub struct WorseArgs {
    /// Seeds A..B. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "100..109")]
    seeds: Range,
    /// Evaluations a search.
    #[arg(long, default_value_t = 100)]
    evals: usize,
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

/// One seed of one function: regrets after the last evaluation; absent where nothing could be evaluated.
#[derive(Clone, Debug, Serialize)]
struct Row {
    function: &'static str,
    seed: u64,
    search: Option<f64>,
    random: Option<f64>,
}

#[derive(Serialize)]
struct Summary {
    /// Median regrets by function: of the search, and of random points.
    medians: BTreeMap<&'static str, [f64; 2]>,
    /// Functions on which the search is worse.
    worse: Vec<&'static str>,
}

fn row(function: &'static Function, seed: u64, evaluations: usize) -> anyhow::Result<Row> {
    let last = |regrets: Vec<Option<f64>>| regrets.last().copied().flatten();
    Ok(Row {
        function: function.name,
        seed,
        search: last(regret(function, seed, evaluations)?.regret),
        random: last(random_regret(function, seed, evaluations)?.regret),
    })
}

/// Runs what the arguments say and prints it.
///
/// # Errors
/// A fault of the program, or rows that cannot be written.
pub fn run(args: &WorseArgs) -> anyhow::Result<()> {
    let jobs: Vec<_> = FURTHER.iter().flat_map(|f| args.seeds.iter().map(move |seed| (f, seed))).collect();
    let rows = in_parallel(&jobs, args.threads, |(function, seed)| row(function, *seed, args.evals));
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "bayes", &rows)?;
    }
    let mut summary = Summary { medians: BTreeMap::new(), worse: Vec::new() };
    for function in FURTHER {
        let of = |value: fn(&Row) -> Option<f64>| {
            let own = rows.iter().filter(|row| row.function == function.name);
            median(own.map(|row| value(row).unwrap_or(f64::INFINITY)).collect())
        };
        let medians = [of(|row| row.search), of(|row| row.random)];
        if medians[0] > medians[1] {
            summary.worse.push(function.name);
        }
        if !args.json {
            println!("{:<20}{:>12.3e}{:>12.3e}", function.name, medians[0], medians[1]);
        }
        summary.medians.insert(function.name, medians);
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
