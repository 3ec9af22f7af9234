//! What weighing costs saves where they differ, and costs where they do not.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use bayes_hyperopt::baseline::Search;
use bayes_hyperopt::cost::CostAware;
use meta_traits::{Ask, Cost, Observation, Optimizer, Outcome, Stream, Unit};
use serde::Serialize;

use super::{Function, median, point, space};
use crate::{Range, in_parallel, write_rows};

/// Cost until regret 0.01 with cost-aware search, over that of the plain search.
///
/// The functions are Branin's and Hartmann's. Where costs differ, an evaluation costs 100^u, u being one coordinate of the
/// unit cube, forwards or backwards, by seed; the budget is that of 50 evaluations at the mean cost. A search that does not
/// reach the regret within twice the budget, or 150 evaluations, counts as twice the budget. A ratio is of the medians over seeds, averaged over the functions
/// in the logarithm.
#[derive(clap::Args)]
pub struct CostArgs {
    /// Seeds A..B. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "100..119")]
    seeds: Range,
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

const EVALUATIONS: f64 = 50.0;
const REGRET: f64 = 1e-2;
const INITIAL: usize = 6;
const MOST: usize = 150;
const FUNCTIONS: [&str; 2] = ["branin2", "hartmann6"];

/// One seed of one function: costs until the regret.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    function: &'static str,
    seed: u64,
    hetero: f64,
    hetero_plain: f64,
    constant: f64,
    constant_plain: f64,
}

#[derive(Serialize)]
struct Summary {
    hetero_ratio: f64,
    constant_ratio: f64,
}

/// The cost until the regret.
fn search(function: &'static Function, seed: u64, differ: bool, aware: bool) -> anyhow::Result<f64> {
    let root = Stream::root(seed).child(function.name, 2);
    let space = space(function.inputs)?;
    let mut field = root.child("cost", 0);
    let (axis, forwards) = (field.below(space.len()), field.chance(0.5));
    let mean = if differ { 99.0 / 100.0_f64.ln() } else { 1.0 };
    let budget = EVALUATIONS * mean;
    let rng = root.child("search", 0);
    let strategy = CostAware::new(&space, Unit::Wall, if aware { budget } else { 0.0 }, INITIAL, &rng);
    let mut search = Search::new(space.clone(), strategy, rng);
    let mut spent = 0.0;
    for _ in 0..MOST {
        if spent >= 2.0 * budget {
            break;
        }
        let Ask::Run(trial) = search.ask() else { bail!("the search ended") };
        let Some(features) = space.encode(&trial.candidate) else { bail!("a point outside of the space") };
        let u = if forwards { features[axis] } else { 1.0 - features[axis] };
        let cost = if differ { 100.0_f64.powf(u) } else { 1.0 };
        spent += cost;
        let at = point(function.inputs, &trial.candidate)?;
        if function.regret(&at) <= REGRET {
            return Ok(spent);
        }
        let mut observation = Observation::of_loss(function.value(&at));
        observation.cost = Cost::evaluations(1).with_wall(Duration::from_secs_f64(cost));
        search.tell(trial.id, Outcome::Complete(observation))?;
    }
    Ok(2.0 * budget)
}

/// Runs what the arguments say and prints it.
///
/// # Errors
/// A fault of the program, or rows that cannot be written.
pub fn run(args: &CostArgs) -> anyhow::Result<()> {
    let functions = FUNCTIONS.into_iter().filter_map(Function::named);
    let jobs: Vec<_> = functions.flat_map(|f| args.seeds.iter().map(move |seed| (f, seed))).collect();
    let rows = in_parallel(&jobs, args.threads, |(function, seed)| -> anyhow::Result<Row> {
        Ok(Row {
            function: function.name,
            seed: *seed,
            hetero: search(function, *seed, true, true)?,
            hetero_plain: search(function, *seed, true, false)?,
            constant: search(function, *seed, false, true)?,
            constant_plain: search(function, *seed, false, false)?,
        })
    });
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "bayes", &rows)?;
    }
    let of = |name: &str, value: fn(&Row) -> f64| {
        median(rows.iter().filter(|row| row.function == name).map(value).collect())
    };
    let ratio = |aware: fn(&Row) -> f64, plain: fn(&Row) -> f64| {
        let logs = FUNCTIONS.map(|name| (of(name, aware) / of(name, plain)).ln());
        (logs.iter().sum::<f64>() / FUNCTIONS.len() as f64).exp()
    };
    if !args.json {
        println!("{:<12}{:>12}{:>12}{:>12}{:>12}", "median cost", "aware", "plain", "constant", "plain");
        for name in FUNCTIONS {
            let values = [of(name, |r| r.hetero), of(name, |r| r.hetero_plain)];
            let constant = [of(name, |r| r.constant), of(name, |r| r.constant_plain)];
            println!(
                "{name:<12}{:>12.1}{:>12.1}{:>12.1}{:>12.1}",
                values[0], values[1], constant[0], constant[1]
            );
        }
    }
    let summary = Summary {
        hetero_ratio: ratio(|r| r.hetero, |r| r.hetero_plain),
        constant_ratio: ratio(|r| r.constant, |r| r.constant_plain),
    };
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
