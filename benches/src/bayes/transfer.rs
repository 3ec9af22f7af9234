//! What earlier searches of related, negated and shuffled tasks save or cost.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::bail;
use bayes_hyperopt::baseline::{Search, Strategy, Tpe};
use bayes_hyperopt::transfer::{Experience, Transfer};
use bayes_hyperopt::{Configuration, SearchSpace};
use meta_traits::{Ask, Observation, Optimizer, Outcome, Stream};
use serde::Serialize;

use super::{Function, Input, median, point, space};
use crate::{Range, in_parallel, write_rows};

/// Evaluations of a search with and without old tasks, relative to 50.
///
/// A task is Branin's or Hartmann's function, shifted by up to a tenth of each range and scaled by a factor in [0.5, 2].
/// Eight old tasks of 50 points each come from TPE searches. Without old tasks a search reaches some regret after 50
/// evaluations; a ratio is the number of evaluations with old tasks until that regret, over 50 (at most 100 evaluations;
/// not reaching it counts as 2): the median over seeds and functions. "Negated" turns the sign of all old losses,
/// "shuffled" permutes them within their task.
#[derive(clap::Args)]
pub struct TransferArgs {
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

const EVALUATIONS: usize = 50;
const OLD_TASKS: u64 = 8;
const INITIAL: usize = 6;

/// What old losses are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Related,
    Negated,
    Shuffled,
}

/// One member of a family of tasks.
struct Member {
    function: &'static Function,
    shift: Vec<f64>,
    scale: f64,
}

impl Member {
    fn new(function: &'static Function, rng: &mut Stream) -> Self {
        let shift = |input: &Input| match input {
            Input::Float(low, high) => 0.1 * (high - low) * (2.0 * rng.unit() - 1.0),
            _ => 0.0,
        };
        let shift = function.inputs.iter().map(shift).collect();
        Self { function, shift, scale: 4.0_f64.powf(rng.unit() - 0.5) }
    }

    fn regret(&self, candidate: &Configuration) -> anyhow::Result<f64> {
        let at: Vec<f64> =
            point(self.function.inputs, candidate)?.iter().zip(&self.shift).map(|(x, s)| x + s).collect();
        Ok(self.scale * self.function.regret(&at))
    }
}

/// One seed of one function: evaluations with each kind of old tasks until the regret without, over 50.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    function: &'static str,
    seed: u64,
    /// Regret without old tasks after 50 evaluations.
    regret: f64,
    /// Evaluations until it was reached without old tasks, over 50.
    without: f64,
    related: f64,
    negated: f64,
    shuffled: f64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the last line has to have")]
struct Summary {
    related_ratio: f64,
    negated_ratio: f64,
    shuffled_ratio: f64,
}

/// Regret after each evaluation, and the points with their losses.
type Course = (Vec<f64>, Vec<(Configuration, f64)>);

/// Runs a search.
fn drive<S: Strategy>(
    member: &Member,
    space: &SearchSpace,
    strategy: S,
    rng: Stream,
    evaluations: usize,
    until: f64,
) -> anyhow::Result<Course> {
    let mut search = Search::new(space.clone(), strategy, rng);
    let (mut best, mut regrets, mut points) = (f64::INFINITY, Vec::new(), Vec::new());
    while regrets.len() < evaluations && best > until {
        let Ask::Run(trial) = search.ask() else { bail!("the search ended") };
        let regret = member.regret(&trial.candidate)?;
        best = best.min(regret);
        regrets.push(best);
        points.push((trial.candidate, regret));
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(regret)))?;
    }
    Ok((regrets, points))
}

fn row(function: &'static Function, seed: u64) -> anyhow::Result<Row> {
    let root = Stream::root(seed).child(function.name, 1);
    let space = space(function.inputs)?;
    let member = Member::new(function, &mut root.child("target", 0));
    let mut related = Vec::new();
    for task in 0..OLD_TASKS {
        let rng = root.child("old", task);
        let old = Member::new(function, &mut rng.child("member", 0));
        let (_, points) = drive(&old, &space, Tpe::new(), rng, EVALUATIONS, f64::NEG_INFINITY)?;
        related.push(Experience { name: task.to_string(), points, ..Experience::default() });
    }
    let changed = |source: Source| -> Vec<Experience> {
        let mut all = related.clone();
        for (task, old) in all.iter_mut().enumerate() {
            let mut losses: Vec<f64> = old.points.iter().map(|(_, loss)| *loss).collect();
            match source {
                Source::Related => {}
                Source::Negated => losses.iter_mut().for_each(|loss| *loss = -*loss),
                Source::Shuffled => root.child("shuffle", task as u64).shuffle(&mut losses),
            }
            old.points.iter_mut().zip(losses).for_each(|((_, loss), new)| *loss = new);
        }
        all
    };
    let rng = root.child("search", 0);
    let with = |old: &[Experience], evaluations: usize, until: f64| {
        let old: Vec<&Experience> = old.iter().collect();
        let strategy = Transfer::new(&space, &old, INITIAL, &rng);
        drive(&member, &space, strategy, rng.clone(), evaluations, until).map(|(regrets, _)| regrets)
    };
    let without = with(&[], EVALUATIONS, f64::NEG_INFINITY)?;
    let regret = without[EVALUATIONS - 1];
    let reach = |regrets: &[f64]| {
        let first = regrets.iter().position(|r| *r <= regret).map_or(2 * EVALUATIONS, |i| i + 1);
        first as f64 / EVALUATIONS as f64
    };
    let ratio = |source| with(&changed(source), 2 * EVALUATIONS, regret).map(|regrets| reach(&regrets));
    Ok(Row {
        function: function.name,
        seed,
        regret,
        without: reach(&without),
        related: ratio(Source::Related)?,
        negated: ratio(Source::Negated)?,
        shuffled: ratio(Source::Shuffled)?,
    })
}

/// Runs what the arguments say and prints it.
///
/// # Errors
/// A fault of the program, or rows that cannot be written.
pub fn run(args: &TransferArgs) -> anyhow::Result<()> {
    let functions = ["branin2", "hartmann6"].into_iter().filter_map(Function::named);
    let jobs: Vec<_> = functions.flat_map(|f| args.seeds.iter().map(move |seed| (f, seed))).collect();
    let rows = in_parallel(&jobs, args.threads, |(function, seed)| row(function, *seed));
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "bayes", &rows)?;
    }
    let of = |value: fn(&Row) -> f64| median(rows.iter().map(value).collect());
    if !args.json {
        println!(
            "{:<12}{:>6}{:>12}{:>10}{:>10}{:>10}{:>10}",
            "function", "seed", "regret", "without", "related", "negated", "shuffled"
        );
        for r in &rows {
            println!(
                "{:<12}{:>6}{:>12.3e}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                r.function, r.seed, r.regret, r.without, r.related, r.negated, r.shuffled
            );
        }
        println!("{:<30}{:>10.2}", "median", of(|r| r.without));
    }
    let summary = Summary {
        related_ratio: of(|r| r.related),
        negated_ratio: of(|r| r.negated),
        shuffled_ratio: of(|r| r.shuffled),
    };
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
