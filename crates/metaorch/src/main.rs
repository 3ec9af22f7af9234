//! `metaorch`: makes a compound AI system measurably better within a hard budget.

mod args;
mod cmd;
mod exit;
mod progress;
mod tune;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the asynchronous runtime cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let json = cli.json;
    let finished = runtime.block_on(async {
        match cli.command {
            Command::Run(args) => cmd::run::run(args, json).await,
            Command::Tune(args) => cmd::tune::tune(*args, json).await,
            Command::Resume { run } if cmd::tune::is_search(&run) => cmd::tune::resume(&run, json).await,
            Command::Status { run } if cmd::tune::is_search(&run) => cmd::tune::status(&run, json),
            Command::Resume { run } => cmd::run::resume(&run, json).await,
            Command::Demo { budget, seed, runs } => cmd::run::demo(budget, seed, runs, json).await,
            Command::Status { run } => cmd::status::status(&run, json),
            Command::Check { config, settings } => cmd::check::check(&config, &settings, json).await,
            Command::Plan { config, probe, settings } => {
                cmd::plan::plan(&config, &settings, probe, json).await
            }
            Command::Eval(args) => cmd::eval::eval(args, json).await,
            Command::Export { run, format } => cmd::export::export(&run, format),
            Command::Serve { run, http } => cmd::serve::serve(&run, http, json).await,
            Command::MockLlm(args) => cmd::mock::serve(args, json).await,
            Command::Config { action } => cmd::config::config(action, json),
            Command::Prompt { action } => cmd::prompt::prompt(action, json),
            Command::Experience { action } => cmd::experience::experience(action, json),
            Command::Model { action } => cmd::model::model(action, json),
        }
    });
    // Blocking work of a cancelled call must not hold the exit up.
    runtime.shutdown_background();
    match finished {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            progress::print_error(json, meta_traits::Classify::kind(&error), &error);
            ExitCode::from(exit::code(&error))
        }
    }
}
