//! Regret against cost on tasks that can be evaluated in part.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bayes_hyperopt::baseline::{Random, Search, Tpe};
use bayes_hyperopt::fidelity::MultiFidelity;
use bayes_hyperopt::scheduler::{Asha, Dehb, Hyperband, Kde, Levels, Process, Uniform};
use bayes_hyperopt::{BayesOptimizer, Configuration, HyperOptConfig, SearchSpace};
use meta_traits::{Ask, Cost, Fidelity, Observation, Optimizer, Outcome, Stream};
use serde::Serialize;

use super::{INITIAL, LEVELS, Task, median, point, space};
use crate::{Range, in_parallel, write_rows};

/// Regret of the best full evaluation so far, against cost, on tasks that can be evaluated in part.
///
/// Costs are in units of one full evaluation. Going on with a point from a cheaper level costs the difference on the
/// digits table and everything on the two functions. Tables give medians over seeds; "-" means that most searches had no
/// full evaluation by then. The last line of the output is one JSON object.
#[derive(clap::Args)]
pub struct FidelityArgs {
    /// Tasks: all, or some of h6, branin, digits_logloss, digits_error, separated by commas.
    #[arg(long, default_value = "all", value_parser = tasks)]
    tasks: Tasks,
    /// Methods: all, or some of them, separated by commas.
    #[arg(long, default_value = "all", value_parser = methods)]
    methods: Methods,
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

#[derive(Clone)]
struct Tasks(Vec<Task>);

#[derive(Clone)]
struct Methods(Vec<Method>);

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Random points at full fidelity.
    Random,
    /// TPE at full fidelity.
    Tpe,
    /// Hyperband on random points.
    Hyperband,
    /// Asynchronous successive halving on random points.
    Asha,
    /// The same with levels added as needed.
    Pasha,
    /// Hyperband on points from kernel densities.
    Bohb,
    /// Asynchronous successive halving on points from a Gaussian process.
    Mobster,
    /// Differential evolution in the brackets of Hyperband.
    Dehb,
    /// A Gaussian process at full fidelity.
    FullGp,
    /// One Gaussian process over points and fidelities.
    Mf,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 10] = [
        Self::Random,
        Self::Tpe,
        Self::Hyperband,
        Self::Asha,
        Self::Pasha,
        Self::Bohb,
        Self::Mobster,
        Self::Dehb,
        Self::FullGp,
        Self::Mf,
    ];

    /// What one writes on the command line and reads in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Tpe => "tpe",
            Self::Hyperband => "hyperband",
            Self::Asha => "asha",
            Self::Pasha => "pasha",
            Self::Bohb => "bohb",
            Self::Mobster => "mobster",
            Self::Dehb => "dehb",
            Self::FullGp => "full_gp",
            Self::Mf => "mf",
        }
    }

    fn search(
        self,
        task: Task,
        space: SearchSpace,
        rng: Stream,
    ) -> anyhow::Result<Box<dyn Optimizer<Candidate = Configuration>>> {
        let levels = Levels::new(Fidelity::new(LEVELS[0])?, 3)?;
        Ok(match self {
            Self::Random => Box::new(Search::new(space, Random, rng)),
            Self::Tpe => Box::new(Search::new(space, Tpe::new(), rng)),
            Self::Hyperband => Box::new(Search::new(space, Hyperband::new(levels, Uniform), rng)),
            Self::Asha => Box::new(Search::new(space, Asha::new(levels, Uniform), rng)),
            Self::Pasha => Box::new(Search::new(space, Asha::progressive(levels, Uniform), rng)),
            Self::Bohb => Box::new(Search::new(space, Hyperband::new(levels, Kde), rng)),
            Self::Mobster => Box::new(Search::new(space, Asha::new(levels, Process), rng)),
            Self::Dehb => Box::new(Search::new(space, Dehb::new(levels), rng)),
            Self::FullGp => {
                let config = HyperOptConfig { n_initial_points: INITIAL, ..HyperOptConfig::default() };
                Box::new(BayesOptimizer::new(space, config, rng.key())?)
            }
            Self::Mf => {
                let fidelities = LEVELS.map(Fidelity::new).into_iter().collect::<Result<Vec<_>, _>>()?;
                let mut strategy = MultiFidelity::new(&space, &fidelities, &rng);
                if task.resumes() {
                    strategy = strategy.resuming();
                }
                Box::new(Search::new(space, strategy, rng))
            }
        })
    }
}

/// One search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FidelityRow {
    /// The task.
    pub task: Task,
    /// The method.
    pub method: Method,
    /// The seed.
    pub seed: u64,
    /// Evaluations at each level.
    pub evaluations: [u64; 4],
    /// Regret of the best full evaluation by the costs of [`Task::costs`]; none before the first.
    pub regret: Vec<Option<f64>>,
}

/// Runs one search until the last of the task's costs.
///
/// # Errors
/// A fault of the program: a search that stops or refuses what it is told.
pub fn search(task: Task, method: Method, seed: u64) -> anyhow::Result<FidelityRow> {
    let root = Stream::root(seed).child(task.name(), 0);
    let mut optimizer = method.search(task, space(task.inputs())?, root.child(method.name(), 0))?;
    let costs = task.costs();
    let (mut spent, mut best) = (0.0, None::<f64>);
    let mut regret = vec![None; costs.len()];
    let mut evaluations = [0; 4];
    let mut paid: BTreeMap<String, f64> = BTreeMap::new();
    let most = costs[costs.len() - 1];
    while spent < most {
        let Ask::Run(trial) = optimizer.ask() else { anyhow::bail!("{} gave no trial", method.name()) };
        let share = trial.fidelity.get();
        let level = LEVELS.iter().position(|l| share <= l * 1.000_001).unwrap_or(LEVELS.len() - 1);
        let at = point(task.inputs(), &trial.candidate)?;
        let mut cost = task.cost(&at, level);
        if task.resumes() {
            let paid = paid.entry(format!("{at:?}")).or_insert(0.0);
            (cost, *paid) = ((cost - *paid).max(0.0), cost.max(*paid));
        }
        spent += cost;
        evaluations[level] += 1;
        let loss = task.loss(&at, level);
        if level + 1 == LEVELS.len() {
            best = Some(best.map_or(loss, |best| best.min(loss)));
        }
        for (regret, cost) in regret.iter_mut().zip(costs) {
            if spent <= cost + 1e-9 {
                *regret = best.map(|best| best - task.minimum());
            }
        }
        let mut observation = Observation::of_loss(loss);
        observation.cost = Cost::evaluations(1).with_wall(Duration::from_secs_f64(cost));
        optimizer.tell(trial.id, Outcome::Complete(observation))?;
    }
    // Costs that no evaluation ended at keep what was best before.
    for i in 1..regret.len() {
        regret[i] = regret[i].or(regret[i - 1]);
    }
    Ok(FidelityRow { task, method, seed, evaluations, regret })
}

/// What the program prints: medians at the costs of the task.
///
/// # Errors
/// When a search breaks its contract, or rows cannot be written.
pub fn run(args: &FidelityArgs) -> anyhow::Result<()> {
    let mut jobs = Vec::new();
    for task in &args.tasks.0 {
        for method in &args.methods.0 {
            jobs.extend(args.seeds.iter().map(|seed| (*task, *method, seed)));
        }
    }
    let rows = in_parallel(&jobs, args.threads, |(task, method, seed)| search(*task, *method, *seed));
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "bayes", &rows)?;
    }
    let medians = |method: Method, task: Task| -> BTreeMap<String, Option<f64>> {
        let of = || rows.iter().filter(|row| (row.task, row.method) == (task, method));
        let at = |i| median_of(of().map(|row| row.regret[i]));
        task.costs().iter().enumerate().map(|(i, cost)| (format!("{cost}"), at(i))).collect()
    };
    let mut summary = serde_json::Map::new();
    let mut full = serde_json::Map::new();
    for task in &args.tasks.0 {
        summary.insert(task.name().into(), serde_json::to_value(medians(Method::Mf, *task))?);
        full.insert(task.name().into(), serde_json::to_value(medians(Method::FullGp, *task))?);
    }
    summary.insert("full_fidelity_gp".into(), full.into());
    if !args.json {
        for task in &args.tasks.0 {
            print_table(*task, &args.methods.0, &rows);
        }
    }
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

fn print_table(task: Task, methods: &[Method], rows: &[FidelityRow]) {
    let costs = task.costs();
    let head: Vec<String> = costs.iter().map(|cost| format!("{cost:>10}")).collect();
    println!("{:<16}{}   evaluations", task.name(), head.concat());
    for method in methods {
        let of = || rows.iter().filter(|row| (row.task, row.method) == (task, *method));
        let cell =
            |i| median_of(of().map(|row| row.regret[i])).map_or("-".to_owned(), |r| format!("{r:.3e}"));
        let cells: Vec<String> = (0..costs.len()).map(|i| format!("{:>10}", cell(i))).collect();
        let mean = |level: usize| {
            let (n, sum) = of().fold((0, 0), |(n, sum), row| (n + 1, sum + row.evaluations[level]));
            sum / n.max(1)
        };
        println!("{:<16}{}   {:?}", method.name(), cells.concat(), [mean(0), mean(1), mean(2), mean(3)]);
    }
    println!();
}

/// The median, where none counts as the worst; none when that is the median.
fn median_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let middle = median(values.map(|v| v.unwrap_or(f64::INFINITY)).collect());
    middle.is_finite().then_some(middle)
}

fn tasks(text: &str) -> Result<Tasks, String> {
    named(text, &Task::ALL, Task::name).map(Tasks)
}

fn methods(text: &str) -> Result<Methods, String> {
    named(text, &Method::ALL, Method::name).map(Methods)
}

/// Members of `all` by name, separated by commas; `all` stands for all of them.
fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<Vec<T>, String> {
    if text == "all" {
        return Ok(all.to_vec());
    }
    let find = |part: &str| {
        all.iter().copied().find(|item| name(*item) == part).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|item| name(*item)).collect();
            format!("'{part}' is unknown; allowed: all, or some of {}", names.join(", "))
        })
    };
    text.split(',').map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_repeats_itself_and_pays_for_what_it_runs() {
        let row = search(Task::HartmannMf, Method::Hyperband, 3).unwrap();
        assert_eq!(row, search(Task::HartmannMf, Method::Hyperband, 3).unwrap());
        let costs = (0..4).map(|l| row.evaluations[l] as f64 * Task::HartmannMf.cost(&[0.5; 6], l));
        let total: f64 = costs.sum();
        assert!((100.0..101.0).contains(&total), "{total}");
        let known: Vec<f64> = row.regret.iter().flatten().copied().collect();
        assert!(known.windows(2).all(|w| w[1] <= w[0]), "{known:?}");
    }

    #[test]
    fn the_median_counts_what_is_missing_as_worst() {
        assert_eq!(median_of([Some(1.0), None, Some(3.0)].into_iter()), Some(3.0));
        assert_eq!(median_of([Some(1.0), Some(3.0)].into_iter()), Some(2.0));
        assert_eq!(median_of([None, Some(3.0)].into_iter()), None);
    }
}
