//! The program as its users meet it.

mod bad_input;
mod canary;
mod config;
mod demo;
mod external;
mod faults;
mod kill;
mod prompt;
mod scripted;
mod serve;
mod settings;
mod tune;

use std::path::Path;
use std::process::{Command, Output};

/// The program with an empty home, so that nothing of the machine leaks into a test.
pub(crate) fn metaorch(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metaorch"));
    command
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env_remove("METAORCH_MODEL_PATH")
        .current_dir(home);
    command
}

pub(crate) fn run(home: &Path, args: &[&str]) -> Output {
    metaorch(home).args(args).output().expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line of standard output as JSON.
pub(crate) fn last_json(output: &Output) -> serde_json::Value {
    let text = stdout(output);
    let line = text.lines().last().unwrap_or_else(|| panic!("no output; standard error: {}", stderr(output)));
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}
