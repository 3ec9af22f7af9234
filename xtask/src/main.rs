//! Project chores: `cargo xtask tidy` checks what no compiler checks, `cargo xtask soak NAME --n N --out DIR` runs a
//! test's loop as often as you say, `cargo xtask integrations` builds the program and tests the Python integrations with it.
//!
//! The same checks run as a test (`cargo test -p xtask`). Each prints `path:line: [check] what is wrong and what to
//! do`; the exit code is 1 when anything was found and 2 when the call itself is wrong.

mod soak;
mod tidy;

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => run_tidy(),
        ["soak", name, "--n", n, "--out", out] => {
            let ran = n
                .parse()
                .map_err(|_| format!("'{n}' is no number"))
                .and_then(|n| soak::run(name, n, Path::new(out)));
            match ran {
                Ok(()) => ExitCode::SUCCESS,
                Err(message) => {
                    eprintln!("soak: {message}");
                    ExitCode::FAILURE
                }
            }
        }
        ["integrations"] => run_integrations(),
        ref other => {
            let allowed = "tidy, integrations, soak NAME --n N --out DIR";
            eprintln!("xtask: '{}' is no chore; allowed: {allowed}", other.join(" "));
            ExitCode::from(2)
        }
    }
}

/// Tests `integrations/` against the versions that its script installs.
fn run_integrations() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).current_dir(&root).status();
        status.map_err(|e| eprintln!("xtask: {program}: {e}")).is_ok_and(|status| status.success())
    };
    let built = run(env!("CARGO"), &["build", "--package", "metaorch"]);
    if built && run("bash", &["integrations/python/tests/run.sh"]) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_tidy() -> ExitCode {
    match tidy::workspace() {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            eprintln!("tidy: {} faults", faults.len());
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("tidy: {message}");
            ExitCode::FAILURE
        }
    }
}
