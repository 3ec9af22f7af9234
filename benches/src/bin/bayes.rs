//! Hyperparameter search: regret, latency, fidelities, transfer and cost.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin bayes -- fidelity --seeds 100..119 --json
//! ```
use std::process::ExitCode;

use metaorch_benches::bayes::{FidelityArgs, run_fidelity};
use metaorch_benches::parse;

/// Hyperparameter search on functions and tasks with known optima.
#[derive(clap::Parser)]
#[command(name = "bayes", version)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Fidelity(FidelityArgs),
}

fn main() -> ExitCode {
    let args: Args = parse();
    let done = match &args.what {
        What::Fidelity(args) => run_fidelity(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
