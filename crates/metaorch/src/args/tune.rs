use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use meta_traits::Fidelity;

use super::seconds;
use crate::tune::Algorithm;

/// Settings of a search over the parameters of any program.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  metaorch tune --space space.yaml --evals 50 -- python3 train.py\n  \
    metaorch tune --space space.yaml --evals 50 --parallel 4 -- ./train --lr={lr} --layers={layers}\n  \
    metaorch tune --space space.yaml --stdio")]
pub(crate) struct Tune {
    /// YAML or JSON file of the search space; with --stdio the first line may hold it instead.
    #[arg(long)]
    pub(crate) space: Option<PathBuf>,
    /// Trials to run.
    #[arg(long, required_unless_present = "stdio", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) evals: Option<u64>,
    /// Trials that run at once. The suggestions depend on this number, never on which trial ends first.
    #[arg(long, default_value = "1", value_name = "K")]
    pub(crate) parallel: NonZeroUsize,
    /// Seed of all random draws.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How to search.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) algorithm: Algorithm,
    /// Directory of the search; one that exists is gone on with. By default a new one under runs.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The program reports a value that should be large, not a loss.
    #[arg(long)]
    pub(crate) maximize: bool,
    /// Hands parameters over as a JSON object on the program's stdin, not as flags.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Seconds after which a trial is killed and counts as failed.
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub(crate) timeout: Option<Duration>,
    /// Trials in a row that may fail before the search gives up.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) failure_limit: u64,
    /// Shares of a full evaluation that trials may use, such as 0.1,0.5,1. Makes bayes search across fidelities; the
    /// least is where hyperband and its like begin (1/27 by default).
    #[arg(long, value_delimiter = ',', value_parser = fidelity, value_name = "F,F,..")]
    pub(crate) fidelities: Vec<Fidelity>,
    /// The ratio of neighbouring fidelities in hyperband and its like.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=10))]
    pub(crate) eta: u8,
    /// Makes bayes weigh what trials cost, and ends the search when this much of the reported cost is spent.
    #[arg(long, value_parser = above_zero, value_name = "COST")]
    pub(crate) cost_budget: Option<f64>,
    /// Losses a trial reports; with several, bayes searches for the best trade-offs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4), value_name = "N")]
    pub(crate) objectives: u8,
    /// Ends a plain bayes search once the best is within this of the least possible loss, by the model's own account with 95 %.
    #[arg(long, value_parser = above_zero, value_name = "REGRET")]
    pub(crate) stop_regret: Option<f64>,
    /// Trials of an earlier Optuna study of the same parameters, from trials_dataframe().to_csv() or .to_json(); may be
    /// given several times. Makes bayes learn from them as far as they rank the new trials rightly.
    #[arg(long, value_name = "FILE")]
    pub(crate) import: Vec<PathBuf>,
    /// Values a continuum in a grid.
    #[arg(long, default_value = "5", value_name = "N")]
    pub(crate) resolution: NonZeroUsize,
    /// Speaks JSON lines on stdin and stdout instead of running a program: ask, tell, observe, best, explain.
    #[arg(long, conflicts_with_all = ["evals", "parallel", "stdin", "timeout", "command"])]
    pub(crate) stdio: bool,
    /// The program and its arguments. {name} in an argument stands for a parameter; without any, --name value is added
    /// for each. Its last line of output is the loss, or an object with loss, cost, fidelity, violations.
    #[arg(last = true, required_unless_present = "stdio", value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

fn fidelity(text: &str) -> Result<Fidelity, String> {
    let number = text.trim().parse::<f64>().ok().and_then(|f| Fidelity::new(f).ok());
    number.ok_or_else(|| "allowed: numbers above 0, up to 1".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x: &f64| *x > 0.0 && x.is_finite());
    number.ok_or_else(|| "allowed: a number above 0".to_owned())
}
