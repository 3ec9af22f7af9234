//! Long loops: the same ones that tests run a few times, run as often as you say.

use std::path::Path;
use std::process::Command;

/// A loop: its name here, the package and test that hold it, and how cargo finds the test's program.
struct Soak {
    name: &'static str,
    package: &'static str,
    test: &'static str,
    target: &'static [&'static str],
}

/// A loop in the one integration program that nearly every package has.
const fn it(name: &'static str, package: &'static str, test: &'static str) -> Soak {
    Soak { name, package, test, target: &["--test", "it"] }
}

const SOAKS: &[Soak] = &[
    it("kill", "metaorch", "kill::killed_runs_resume_to_the_same_bytes"),
    it("tune-kill", "metaorch", "tune::resume::killed_searches_go_on_with_the_same_suggestions"),
    it("parquet", "evaluation", "fuzz::damaged_parquet"),
    it("faults", "metaorch", "faults::a_run_with_faults_ends_as_a_clean_one"),
    it("operators", "prompt-grammar", "operators::walks_of_operators_keep_what_matters"),
    it("outlines", "prompt-grammar", "outlines::every_prompt_comes_back_byte_for_byte"),
    it("parsing", "prompt-grammar", "parsing::what_a_grammar_writes_it_reads_byte_for_byte"),
    it("spaces", "prompt-grammar", "flat::spaces_of_prompts_hold_derivations_alone"),
    it("workflow-edits", "topology-neat", "edits::a_storm_of_edits_leaves_only_workflows"),
    it("network-operators", "topology-neat", "networks::a_storm_of_operators_leaves_only_networks"),
    it("network-resume", "topology-neat", "neat::a_run_resumed_at_any_generation_goes_on_byte_for_byte"),
    it("population", "topology-neat", "scale::memory_and_time_grow_with_the_population_alone"),
    it("budget", "prompt-grammar", "sampling::no_sample_is_above_its_budget"),
    it("masks", "rl-selector", "dqn::masks::masked_arms_are_never_chosen"),
    it("journal-kill", "coordination", "kill::killed_writers_lose_nothing_that_was_durable"),
    it("bit-flips", "coordination", "damage::flipped_bits_are_refused"),
    it("histories", "coordination", "histories::histories_are_conflict_serialisable"),
    it("admission", "coordination", "model::admission_starts_what_its_definition_says_in_its_order"),
    Soak {
        name: "schedules",
        package: "coordination",
        test: "nothing_is_lost_done_twice_or_stuck",
        target: &["--features", "shuttle", "--test", "schedules"],
    },
    Soak {
        name: "power-loss",
        package: "coordination",
        test: "what_was_committed_survives_a_loss_of_power_at_any_time",
        target: &["--features", "shuttle", "--test", "schedules"],
    },
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
        .args(["test", "--package", soak.package])
        .args(soak.target)
        .args([soak.test, "--", "--exact", "--nocapture"])
        .env("METAORCH_SOAK_N", n.to_string())
        .env("METAORCH_SOAK_OUT", &out)
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("the loop '{name}' found something; see above")) }
}
