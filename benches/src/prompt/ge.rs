//! Grammatical evolution on three problems of PonyGE2.

mod loops;
mod regression;
mod strings;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;
use meta_traits::{Ask, Cost, Observation, Optimizer, Outcome, Stream};
use prompt_grammar::{Ge, Grammar, Tree, ge};
use serde::{Deserialize, Serialize};

use crate::{Range, in_parallel, write_rows};

/// Evolves programs, formulas or strings by grammatical evolution, each seed a run.
#[derive(Clone, Debug, clap::Args)]
pub struct GeArgs {
    /// The problem.
    #[arg(value_enum)]
    problem: Name,
    /// Seeds. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..7")]
    seeds: Range,
    /// Individuals evaluated a run.
    #[arg(long, default_value_t = 25_500)]
    budget: u64,
    /// Options of the search, as JSON.
    #[arg(long, value_parser = options, default_value = "{}")]
    options: ge::Options,
    /// Runs at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn options(text: &str) -> Result<ge::Options, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// A problem's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    /// Writing `Hello world!`.
    StringMatch,
    /// Finding a formula of five variables.
    Vladislavleva4,
    /// Writing a short program that computes a large number.
    Pymax,
}

/// Something to evolve.
trait Problem {
    /// What candidates are made of.
    fn grammar(&self) -> &Grammar;
    /// What is minimised.
    fn loss(&self, tree: &Tree) -> f64;
    /// Whether nothing can be better.
    fn is_solved(&self, loss: f64) -> bool;
    /// The figure reported for a loss.
    fn figure(&self, loss: f64) -> f64 {
        loss
    }
    /// The figure on data that the search did not see.
    fn test(&self, tree: &Tree) -> Option<f64>;
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The problem.
    pub problem: Name,
    /// The seed.
    pub seed: u64,
    /// The figure of the best individual: cost, mean squared error, or number computed.
    pub best: f64,
    /// The same on test data, where there is any.
    pub test: Option<f64>,
    /// Whether the best possible was found.
    pub solved: bool,
    /// Individuals evaluated until the best was found.
    pub evaluations: u64,
    /// The best individual.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Summary {
    runs: usize,
    solved: usize,
    median_best: f64,
    median_test: Option<f64>,
    median_evaluations: f64,
}

/// Runs all seeds and prints.
///
/// # Errors
/// When options are outside their range or rows cannot be written.
pub fn evolve(args: &GeArgs) -> anyhow::Result<()> {
    let seeds: Vec<u64> = args.seeds.iter().collect();
    let rows = in_parallel(&seeds, args.threads, |seed| run(args.problem, *seed, args.budget, &args.options));
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<Row>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "prompt", &rows)?;
    }
    if !args.json {
        for row in &rows {
            let test = row.test.map_or(String::new(), |t| format!("  test {t:.5}"));
            let text: String = row.text.replace('\n', "; ").chars().take(90).collect();
            println!("{:>4}  best {:.5}{test}  after {:>6}  {text}", row.seed, row.best, row.evaluations);
        }
    }
    let column = |value: fn(&Row) -> f64| median(rows.iter().map(value).collect());
    let tests: Vec<f64> = rows.iter().filter_map(|r| r.test).collect();
    let summary = Summary {
        runs: rows.len(),
        solved: rows.iter().filter(|r| r.solved).count(),
        median_best: column(|r| r.best),
        median_test: (!tests.is_empty()).then(|| median(tests)),
        median_evaluations: column(|r| r.evaluations as f64),
    };
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

/// One run of `budget` individuals.
///
/// # Errors
/// When options are outside their range.
pub fn run(name: Name, seed: u64, budget: u64, options: &ge::Options) -> anyhow::Result<Row> {
    let problem: Box<dyn Problem> = match name {
        Name::StringMatch => Box::new(strings::StringMatch::new()?),
        Name::Vladislavleva4 => Box::new(regression::Regression::new(seed)?),
        Name::Pymax => Box::new(loops::Loops::new()?),
    };
    let stream = Stream::root(seed).child("search", 0);
    let mut search = Ge::new(problem.grammar().clone(), options.clone(), stream)?;
    let (mut best, mut found) = (f64::INFINITY, 0);
    for evaluation in 1..=budget {
        let Ask::Run(trial) = search.ask() else { break };
        let loss = problem.loss(&trial.candidate);
        let mut observation = Observation::of_loss(loss);
        observation.cost = Cost::evaluations(1);
        search.tell(trial.id, Outcome::Complete(observation))?;
        if loss < best {
            (best, found) = (loss, evaluation);
        }
        if problem.is_solved(best) {
            break;
        }
    }
    let tree = search.best().map(|(tree, _)| tree.clone()).unwrap_or_default();
    Ok(Row {
        problem: name,
        seed,
        best: problem.figure(best),
        test: problem.test(&tree),
        solved: problem.is_solved(best),
        evaluations: found,
        text: tree.render(problem.grammar()),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { f64::midpoint(values[n / 2 - 1], values[n / 2]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_depends_on_its_seed_alone() {
        let once = || run(Name::StringMatch, 3, 600, &ge::Options::default()).unwrap();
        assert_eq!(once(), once());
        assert_ne!(once().text, run(Name::StringMatch, 4, 600, &ge::Options::default()).unwrap().text);
    }
}
