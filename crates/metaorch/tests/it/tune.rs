//! `tune`: programs as objectives, logs that outlive kills, the protocol for other languages.

mod bad_input;
mod resume;
mod stdio;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::{last_json, run, stderr, stdout};

/// Two numbers and a conditional one; least at x = 0.3, y = 0.8.
pub(super) const SPACE: &str = "parameters:
  - {name: x, type: float, low: 0, high: 1}
  - {name: y, type: float, low: 0, high: 1}
  - {name: kind, type: categorical, choices: [plain, bent]}
  - {name: bend, type: int, low: 1, high: 9, when: {parameter: kind, is: [bent]}}
";

/// `sh loss.sh --x X --y Y ..` prints the loss on its last line.
pub(super) const LOSS: &str = "echo epoch 1\nawk \"BEGIN { print ($2 - 0.3)^2 + ($4 - 0.8)^2 }\"\n";

/// An empty home with a space and a program.
pub(super) fn home(loss: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("space.yaml"), SPACE).unwrap();
    fs::write(home.path().join("loss.sh"), loss).unwrap();
    home
}

/// Runs `tune --space space.yaml` with `options`, then `-- command`.
#[track_caller]
pub(super) fn tune(home: &Path, options: &str, command: &[&str]) -> Output {
    let options = options.split(' ').filter(|o| !o.is_empty());
    let args: Vec<&str> = ["tune", "--space", "space.yaml", "--json"]
        .into_iter()
        .chain(options)
        .chain(["--"])
        .chain(command.iter().copied())
        .collect();
    run(home, &args)
}

#[track_caller]
pub(super) fn ok(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}{}", stderr(output), stdout(output));
    last_json(output)["result"].clone()
}

/// The log's lines of one kind, without their frames.
pub(super) fn logged(directory: &Path, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(directory.join("events.jsonl")).unwrap();
    let events = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["event"].clone());
    events.filter(|e| e["kind"] == kind).collect()
}

#[test]
fn a_program_is_minimised_and_the_page_shows_how() {
    let home = home(LOSS);
    let output = tune(home.path(), "--evals 30", &["sh", "loss.sh"]);
    let result = ok(&output);
    assert_eq!(result["trials"], 30);
    assert!(result["best"]["value"].as_f64().unwrap() < 0.01, "{result}");
    let directory = home.path().join("runs/tune-1");
    let page = fs::read_to_string(directory.join("page.html")).unwrap();
    for part in ["Convergence", "Parallel coordinates", "Importance of", "Value against bend", "Best trials"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "the page must stand alone");
    let status = run(home.path(), &["status", "runs/tune-1", "--json"]);
    assert_eq!(last_json(&status)["told"], 30);
    assert_eq!(stdout(&output).lines().filter(|l| l.contains("\"event\":\"trial\"")).count(), 30);
}

#[test]
fn every_algorithm_runs() {
    let names = ["tpe", "cma-es", "random", "sobol", "grid", "hyperband", "asha", "pasha", "bohb", "dehb"]
        .map(String::from);
    let bayes = ["bayes --fidelities 0.1,0.5,1", "bayes --cost-budget 9"].map(String::from);
    let home = home(
        "l=$(awk \"BEGIN { print ($2 - 0.3)^2 + ($4 - 0.8)^2 }\")\necho \"{\\\"loss\\\": $l, \\\"cost\\\": 0.5}\"\n",
    );
    for algorithm in names.into_iter().chain(bayes) {
        let result =
            ok(&tune(home.path(), &format!("--evals 14 --algorithm {algorithm}"), &["sh", "loss.sh"]));
        assert!(result["best"]["value"].as_f64().unwrap() < 1.0, "{algorithm}: {result}");
    }
}

/// Each even trial waits until the one after it has ended; what is suggested is the same.
#[test]
fn suggestions_do_not_depend_on_which_trial_ends_first() {
    let wait =
        "t=$METAORCH_TRIAL\nif [ $((t % 2)) = 0 ]; then until [ -f done-$((t + 1)) ]; do :; done; fi\n";
    let turned = home(&format!("{wait}{LOSS}touch done-$t >&2\n"));
    let plain = home(LOSS);
    let mut asked = Vec::new();
    for home in [&plain, &turned] {
        ok(&tune(home.path(), "--evals 16 --parallel 2 --out s", &["sh", "loss.sh"]));
        asked.push(logged(&home.path().join("s"), "asked"));
    }
    assert_eq!(asked[0].len(), 16);
    assert_eq!(asked[0], asked[1]);
    assert!(!logged(&turned.path().join("s"), "ended").is_empty(), "some trial ended before its turn");
}

#[test]
fn failures_and_endless_trials_are_learnt_from() {
    let fail = "case $METAORCH_TRIAL in 2) echo no memory left >&2; exit 3;; 4) while :; do sleep 60; done;; \
                5) echo nan; exit 0;; esac\n";
    let home = home(&format!("{fail}{LOSS}"));
    let output = tune(home.path(), "--evals 12 --timeout 1.5 --parallel 2", &["sh", "loss.sh"]);
    let result = ok(&output);
    assert_eq!((&result["failed"], &result["trials"]), (&3.into(), &12.into()));
    let text = stdout(&output);
    for part in ["exit code 3; last on stderr: no memory left", "no end within 1.5 s", "the loss is NaN"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn parameters_come_as_flags_in_places_or_on_stdin() {
    let home = home("");
    let echo = "echo \"$@\" >&2; echo 1";
    ok(&tune(home.path(), "--evals 4 --out flags", &["sh", "-c", echo, "sh", "--data", "d"]));
    let places = ["sh", "-c", echo, "sh", "{x}/{y}", "--kind={kind}", "--bend={bend}", "{trial}"];
    ok(&tune(home.path(), "--evals 4 --out places", &places));
    let read = "head -c 400 >&2; echo '{\"loss\": 3, \"violations\": [-1]}'";
    ok(&tune(home.path(), "--evals 4 --out stdin --stdin --maximize", &["sh", "-c", read]));
    let line = |how: &str, i: usize| {
        let log = home.path().join(how).join("logs").join(format!("{i:04}.log"));
        fs::read_to_string(log).unwrap().trim().to_owned()
    };
    for (i, asked) in logged(&home.path().join("flags"), "asked").iter().enumerate() {
        let parameters = &asked["parameters"];
        let bend = &parameters["bend"];
        let expected = format!("--data d --x {} --y {} --kind", parameters["x"], parameters["y"]);
        assert!(line("flags", i).starts_with(&expected), "{}", line("flags", i));
        assert_eq!(line("flags", i).contains("--bend"), !bend.is_null());
        let kind = parameters["kind"].as_str().unwrap();
        let expected = format!("{}/{} --kind={kind}", parameters["x"], parameters["y"]);
        let bend = if bend.is_null() { String::new() } else { format!(" --bend={bend}") };
        assert_eq!(line("places", i), format!("{expected}{bend} {i}"));
        let given: Value = serde_json::from_str(&line("stdin", i)).unwrap();
        assert_eq!(given["parameters"], *parameters);
        assert_eq!(given["fidelity"].as_f64(), Some(1.0));
    }
}

/// Old trials that point to the optimum put the first new one there.
#[test]
fn trials_of_an_optuna_study_help() {
    let home = home(LOSS);
    let mut table = String::from("number,value,params_x,params_y,params_kind,params_bend,state\n");
    for i in 0..36 {
        let (x, y) = (f64::from(i % 6) / 5.0, f64::from(i / 6) / 5.0);
        let loss = 100.0 * ((x - 0.3).powi(2) + (y - 0.8).powi(2));
        writeln!(table, "{i},{loss},{x},{y},plain,,COMPLETE").unwrap();
    }
    fs::write(home.path().join("old.csv"), table).unwrap();
    let command = ["sh", "loss.sh"];
    let result = ok(&tune(home.path(), "--evals 2 --import old.csv", &command));
    assert!(result["best"]["value"].as_f64().unwrap() < 0.02, "{result}");
    let refused = tune(home.path(), "--evals 2 --import old.csv --algorithm tpe", &command);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("only bayes"), "{}", stderr(&refused));
}

#[test]
fn several_losses_give_a_front() {
    let two = "l=$(awk \"BEGIN { print $2^2 + $4 }\")\nm=$(awk \"BEGIN { print ($2 - 1)^2 + $4 }\")\n\
               echo \"{\\\"losses\\\": [$l, $m]}\"\n";
    let home = home(two);
    let result = ok(&tune(home.path(), "--evals 20 --objectives 2 --out s", &["sh", "loss.sh"]));
    let front = result["front"].as_array().unwrap();
    assert!(front.len() >= 5, "{result}");
    assert!(front.iter().all(|t| t["values"].as_array().unwrap().len() == 2));
    assert!(fs::read_to_string(home.path().join("s/page.html")).unwrap().contains("Trade-offs"));
    let refused = tune(home.path(), "--evals 20 --objectives 2 --algorithm tpe", &["sh", "loss.sh"]);
    assert!(stderr(&refused).contains("--objectives"), "{}", stderr(&refused));
}

#[test]
fn a_search_ends_when_its_regret_is_small() {
    let home = home(LOSS);
    let result = ok(&tune(home.path(), "--evals 60 --stop-regret 0.02 --out s", &["sh", "loss.sh"]));
    assert_eq!(result["stop"], "perfect", "{result}");
    assert!(result["best"]["value"].as_f64().unwrap() < 0.02, "{result}");
    assert!(result["trials"].as_u64().unwrap() < 60);
    // Taken up again it is still good enough.
    let again = ok(&run(home.path(), &["resume", "s", "--json"]));
    assert_eq!(again, result);
}
