//! Settings, shown with the place each was set.

use std::fs;

use crate::{last_json, metaorch, run, stderr, stdout};

const RUN: &str = "name: small\nsimulated: {}\nbudget: {calls: 300}\nmeta:\n  profile: research\n  topology:\n    mutation_rate: 0.2\n";

#[test]
fn every_layer_is_shown() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("run.yaml"), RUN).unwrap();
    let arguments = ["config", "show", "run.yaml", "--set", "rl.gamma=0.95"];
    let mut command = metaorch(home.path());
    command.args(arguments).env("GEPA_META_COMPUTE_BUDGET", "300").env("GEPA_META_HOME", "x");
    let output = command.output().unwrap();
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(text.lines().count(), 78, "{text}");
    for expected in [
        ["optimization_mode", "exploration", "profile research"],
        ["total_compute_budget", "300", "variable GEPA_META_COMPUTE_BUDGET"],
        ["topology.mutation_rate", "0.2", "run.yaml line 7"],
        ["rl.gamma", "0.95", "explicit"],
        ["rl.hidden_dims", "256,256,128", "default"],
        ["memory_limit_mb", "none", "default"],
    ] {
        let row = text.lines().find(|line| line.split_whitespace().next() == Some(expected[0])).unwrap();
        let (value, origin) = row[expected[0].len()..].trim().split_once("  ").unwrap();
        assert_eq!([value, origin.trim()], expected[1..]);
    }
    let json = last_json(&command.arg("--json").output().unwrap());
    assert_eq!(json["config"]["topology"]["mutation_rate"], 0.2);
    assert_eq!(json["origins"]["total_compute_budget"], "variable GEPA_META_COMPUTE_BUDGET");
}

#[test]
fn schema_and_profiles_are_printed() {
    let home = tempfile::tempdir().unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&stdout(&run(home.path(), &["config", "schema"]))).unwrap();
    assert_eq!(schema["properties"]["rl"]["properties"]["gamma"]["maximum"], 0.999);
    let profiles = stdout(&run(home.path(), &["config", "profiles"]));
    let names: Vec<&str> =
        profiles.lines().filter(|l| !l.starts_with(' ')).filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(names, ["development", "production", "research", "conservative", "aggressive", "minimal"]);
}

#[test]
fn a_run_takes_the_same_flags_and_refuses_the_same_mistakes() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("run.yaml"), RUN).unwrap();
    let refused = |arguments: &[&str], message: &str| {
        let output = run(home.path(), arguments);
        assert_eq!((output.status.code(), stderr(&output).trim()), (Some(2), message));
    };
    refused(
        &["check", "run.yaml", "--set", "topology.mutaton_rate=0.3"],
        "error: config: unknown key topology.mutaton_rate; did you mean mutation_rate?",
    );
    refused(
        &["plan", "run.yaml", "--profile", "resarch"],
        "error: config: profile = resarch is unknown; did you mean research? Allowed development, production, \
         research, conservative, aggressive, minimal, or none.",
    );
    fs::write(home.path().join("bad.yaml"), RUN.replace("0.2", "1.4")).unwrap();
    refused(
        &["run", "bad.yaml"],
        "error: config: topology.mutation_rate = 1.4 is above 1.0 (bad.yaml line 7). Allowed 0.1 to 1.0.",
    );
    let output = run(home.path(), &["run", "run.yaml", "--profile", "minimal", "--set", "rl.gamma=0.95"]);
    assert!(output.status.success() || output.status.code() == Some(3), "{}", stderr(&output));
    let folder = fs::read_dir(home.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read_to_string(folder.join("config.resolved.yaml")).unwrap();
    assert!(kept.contains("profile: minimal\n") && kept.contains("gamma: 0.95\n"), "{kept}");
    assert!(kept.contains("mutation_rate: 0.2\n"), "{kept}");
}
