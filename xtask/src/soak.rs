//! Long loops: the same ones that tests run a few times, run as often as you say.

use std::path::Path;
use std::process::Command;

/// A loop: its name here, the package and test that hold it.
struct Soak {
    name: &'static str,
    package: &'static str,
    test: &'static str,
}

const SOAKS: &[Soak] = &[
    Soak { name: "kill", package: "metaorch", test: "kill::killed_runs_resume_to_the_same_bytes" },
    Soak {
        name: "workflow-edits",
        package: "topology-neat",
        test: "edits::a_storm_of_edits_leaves_only_workflows",
    },
    Soak { name: "parquet", package: "evaluation", test: "fuzz::damaged_parquet" },
    Soak { name: "faults", package: "metaorch", test: "faults::a_run_with_faults_ends_as_a_clean_one" },
];

/// Runs the loop `name` `n` times; its raw rows and the command go to `out`.
///
/// # Errors
/// One line saying what is wrong with the call, or that the loop found something.
pub(crate) fn run(name: &str, n: u64, out: &Path) -> Result<(), String> {
    let known = || SOAKS.iter().map(|s| s.name).collect::<Vec<_>>().join(", ");
    let soak = SOAKS
        .iter()
        .find(|s| s.name == name)
        .ok_or_else(|| format!("no loop '{name}'; allowed: {}", known()))?;
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let out = out.canonicalize().map_err(|e| format!("{}: {e}", out.display()))?;
    let command = format!("cargo xtask soak {name} --n {n} --out DIR\n");
    std::fs::write(out.join("command.txt"), command).map_err(|e| format!("{}: {e}", out.display()))?;
    let status = Command::new(env!("CARGO"))
        .args(["test", "--package", soak.package, "--test", "it", soak.test, "--", "--exact", "--nocapture"])
        .env("METAORCH_SOAK_N", n.to_string())
        .env("METAORCH_SOAK_OUT", &out)
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("the loop '{name}' found something; see above")) }
}
