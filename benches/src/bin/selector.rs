//! Which algorithm next: learning, speed and selection of `rl-selector`.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin selector -- cartpole --seeds 0..4 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use meta_traits::Stream;
use metaorch_benches::selector::gap::{self, Hold, Learner, Plan, Regime};
use metaorch_benches::selector::record::{BUDGET, Setting, record};
use metaorch_benches::selector::{cartpole, safety, speed};
use metaorch_benches::{Range, in_parallel, parse, write_rows};
use rl_selector::simulator::TrainingConfig;
use rl_selector::{DqnConfig, ForestConfig, SafetyConfig};
use serde::Serialize;

/// Measures the selectors. The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "selector", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Steps the deep selector needs until 100 greedy episodes of CartPole have a mean return of 475.
    Cartpole {
        #[command(flatten)]
        common: Common,
        /// Most steps.
        #[arg(long, default_value_t = 50_000)]
        steps: u64,
        /// Settings in place of the defaults, as JSON.
        #[arg(long, value_name = "JSON")]
        config: Option<String>,
    },
    /// The share of the gap between the single best solver and the oracle that learning closes on held-out problems.
    Bbob {
        /// What is held out.
        #[arg(long, default_value = "lofo")]
        split: Hold,
        /// Whether the incumbent is handed on.
        #[arg(long, default_value = "replay")]
        regime: Regime,
        /// Instances tested on. Develop below 100, report on 101 and above.
        #[arg(long, default_value = "61..65")]
        instances: Range,
        /// Instances learnt from; never those tested on.
        #[arg(long, default_value = "1..60")]
        train_instances: Range,
        /// Blends of two functions learnt from.
        #[arg(long, default_value_t = 0)]
        blends: u64,
        /// Seeds of learning.
        #[arg(long, default_value = "0..4")]
        train_seeds: Range,
        /// What learns.
        #[arg(long, default_value = "forest")]
        learner: Learner,
        /// Gradient steps of the network a round.
        #[arg(long, default_value_t = 10_000)]
        steps: usize,
        #[command(flatten)]
        training: Training,
        /// Folds at a time. Decides the time taken and nothing else.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
        /// Writes raw rows and the command to this directory.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Prints the JSON object alone.
        #[arg(long)]
        json: bool,
    },
    /// Loss of the safe switch against the bandit alone where its learning does not apply, and the cover of its intervals.
    /// Seed s learns without the functions of fold s modulo 6.
    Safety {
        #[command(flatten)]
        common: Common,
        /// Instances tested on.
        #[arg(long, default_value = "61..65")]
        instances: Range,
        /// Instances learnt from.
        #[arg(long, default_value = "1..12")]
        train_instances: Range,
        /// Blends of two functions learnt from.
        #[arg(long, default_value_t = 0)]
        blends: u64,
        #[command(flatten)]
        training: Training,
    },
    /// Trains the network on every function without hand-on and writes its weights.
    Pretrain {
        /// Instances learnt from, below 100.
        #[arg(long, default_value = "1..60")]
        train_instances: Range,
        /// Blends of two functions learnt from.
        #[arg(long, default_value_t = 200)]
        blends: u64,
        /// Seed of learning.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Gradient steps a round.
        #[arg(long, default_value_t = 20_000)]
        steps: usize,
        #[command(flatten)]
        training: Training,
        /// Threads for recording the solvers' traces.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
        /// Where the safetensors go.
        #[arg(long, value_name = "FILE")]
        weights: PathBuf,
    },
    /// Writes the losses of every solver alone, as f64 in little-endian order: run, solver, evaluation.
    Traces {
        /// Instances.
        #[arg(long, default_value = "1..3")]
        instances: Range,
        /// Runs an instance.
        #[arg(long, default_value_t = 1)]
        repeats: u64,
        /// Blends of two functions on these instances, after the functions themselves.
        #[arg(long, default_value_t = 0)]
        blends: u64,
        /// Threads.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
        /// Where they go.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Gradient steps a second of processor time, and the time of a decision, on one thread.
    Speed {
        #[command(flatten)]
        common: Common,
        /// Settings in place of the defaults, as JSON.
        #[arg(long, value_name = "JSON")]
        config: Option<String>,
    },
}

/// How the policy is learnt.
#[derive(clap::Args)]
struct Training {
    /// Episodes of random behaviour on each run.
    #[arg(long, default_value_t = 2)]
    episodes: usize,
    /// Rounds of gathering with the policy itself.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Episodes on each run in such a round.
    #[arg(long, default_value_t = 1)]
    episodes_a_round: usize,
    /// The last rounds, so many, label by playing the policy out.
    #[arg(long, default_value_t = 0)]
    rollouts: usize,
    /// Share of the states kept in which something is to be decided; of the others a fifth of that.
    #[arg(long, default_value_t = 0.2)]
    kept: f64,
    /// Blocks without improvement after which an arm may be left.
    #[arg(long, default_value_t = 1)]
    patience: usize,
    /// Deviations by which another action must be ahead of the arm that ran last.
    #[arg(long, default_value_t = 0.0)]
    caution: f64,
    /// Trees.
    #[arg(long, default_value_t = 24)]
    trees: usize,
    /// Rows of a leaf.
    #[arg(long, default_value_t = 10)]
    leaf: usize,
    /// Share of the features tried at a node.
    #[arg(long, default_value_t = 0.2)]
    tried: f64,
}

impl Training {
    fn gather(&self) -> TrainingConfig {
        TrainingConfig {
            episodes: self.episodes,
            rounds: self.rounds,
            episodes_a_round: self.episodes_a_round,
            rollouts: self.rollouts,
            kept: self.kept,
            caution: self.caution,
            patience: self.patience,
            first: None,
        }
    }

    fn forest(&self) -> ForestConfig {
        ForestConfig { trees: self.trees, leaf: self.leaf, tried: self.tried }
    }
}

#[derive(clap::Args)]
struct Common {
    /// Seeds, A..B with both ends included. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..4")]
    seeds: Range,
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

impl Common {
    /// Writes and prints what was found.
    fn report<R: Serialize, S: Serialize>(&self, rows: &[R], summary: &S) -> anyhow::Result<()> {
        if let Some(directory) = &self.out {
            write_rows(directory, "selector", rows)?;
        }
        if !self.json {
            rows.iter().try_for_each(|row| serde_json::to_string(row).map(|row| println!("{row}")))?;
        }
        println!("{}", serde_json::to_string(summary)?);
        Ok(())
    }
}

fn main() -> ExitCode {
    let args: Args = parse();
    match bench(&args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Cartpole { common, steps, config } => {
            let config = settings(config.as_deref(), cartpole::config())?;
            let seeds: Vec<u64> = common.seeds.iter().collect();
            let rows = in_parallel(&seeds, common.threads, |seed| cartpole::train(&config, *seed, *steps));
            let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
            common.report(&rows, &cartpole::Summary::of(&rows))
        }
        Command::Bbob {
            split,
            regime,
            instances,
            train_instances,
            blends,
            train_seeds,
            learner,
            steps,
            training,
            threads,
            out,
            json,
        } => {
            let plan = Plan {
                hold: *split,
                regime: *regime,
                instances: instances.clone(),
                train_instances: train_instances.clone(),
                blends: *blends,
                train_seeds: train_seeds.clone(),
                training: training.gather(),
                learner: *learner,
                steps: *steps,
                forest: training.forest(),
                threads: *threads,
            };
            let (rows, summary) = gap::measure(&plan)?;
            if let Some(directory) = out {
                write_rows(directory, "selector", &rows)?;
            }
            if !json {
                rows.iter().try_for_each(|row| serde_json::to_string(row).map(|row| println!("{row}")))?;
            }
            println!("{}", serde_json::to_string(&summary)?);
            Ok(())
        }
        Command::Safety { common, instances, train_instances, blends, training } => {
            let (training, forest) = (training.gather(), training.forest());
            let config = SafetyConfig { training, forest, ..SafetyConfig::default() };
            let (seeds, threads) = (&common.seeds, common.threads);
            let (rows, summary) =
                safety::measure(seeds, train_instances, *blends, instances, &config, threads)?;
            common.report(&rows, &summary)
        }
        Command::Pretrain { train_instances, blends, seed, steps, training, threads, weights } => {
            let gather = training.gather();
            let bytes = gap::pretrain(train_instances, *blends, &gather, *steps, *seed, *threads)?;
            std::fs::write(weights, &bytes).with_context(|| weights.display().to_string())?;
            println!("{{\"bytes\":{}}}", bytes.len());
            Ok(())
        }
        Command::Traces { instances, repeats, blends, threads, file } => {
            let mut settings = Setting::all(instances, *repeats);
            settings.extend(Setting::blends(instances, *blends, &Stream::root(0)));
            let replay = record(&settings, *threads)?;
            let mut bytes = Vec::new();
            for (case, setting) in replay.cases().iter().zip(&settings) {
                for trace in &case.traces {
                    bytes.extend(trace[..BUDGET].iter().flat_map(|v| (v - setting.f_opt()).to_le_bytes()));
                }
            }
            for setting in &settings {
                println!("{} {}", setting.function, setting.blended.unwrap_or(0));
            }
            std::fs::write(file, bytes).with_context(|| file.display().to_string())
        }
        Command::Speed { common, config } => {
            let config = settings(config.as_deref(), DqnConfig::default())?;
            let seeds: Vec<u64> = common.seeds.iter().collect();
            let rows = in_parallel(&seeds, common.threads, |seed| speed::measure(&config, *seed));
            let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
            common.report(&rows, &speed::Summary::of(&rows))
        }
    }
}

fn settings(json: Option<&str>, default: DqnConfig) -> anyhow::Result<DqnConfig> {
    json.map_or(Ok(default), |json| serde_json::from_str(json).context("--config"))
}
