use std::fs;

use super::{LOSS, home, tune};
use crate::{run, stderr, stdout};

#[test]
fn every_mistake_has_one_line_and_its_code() {
    let home = home(LOSS);
    let home = home.path();
    fs::write(home.join("empty.yaml"), "parameters: []\n").unwrap();
    fs::write(home.join("turned.yaml"), "parameters:\n  - {name: x, type: float, low: 1, high: 0}\n")
        .unwrap();
    fs::write(home.join("typo.yaml"), "parameters:\n  - {name: x, type: flot, low: 0, high: 1}\n").unwrap();
    for (args, code, words) in [
        ("--space none.yaml --evals 3 -- sh loss.sh", 2, &["cannot read none.yaml"][..]),
        ("--space empty.yaml --evals 3 -- sh loss.sh", 2, &["no parameters", "empty.yaml"]),
        ("--space turned.yaml --evals 3 -- sh loss.sh", 2, &["low = 1, high = 0", "turned.yaml line 1"]),
        ("--space typo.yaml --evals 3 -- sh loss.sh", 2, &["flot", "did you mean float?"]),
        ("--evals 3 -- sh loss.sh", 2, &["--space is missing"]),
        ("--space space.yaml --evals 3 -- no-such-program", 2, &["no program 'no-such-program'", "PATH"]),
        (
            "--space space.yaml --evals 3 -- sh {x} {y} {kin} {bend}",
            2,
            &["'kind'", "did you mean it by {kin}?"],
        ),
        ("--space space.yaml --evals 3 -- sh {x}", 2, &["no argument has a place for parameter 'y'"]),
        ("--space space.yaml --stdio --out loss.sh", 4, &["loss.sh"]),
    ] {
        let args: Vec<&str> = std::iter::once("tune").chain(args.split(' ')).collect();
        let output = run(home, &args);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}{}", stdout(&output));
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
        for word in words {
            assert!(error.contains(word), "{args:?}: '{word}' is not in {error}");
        }
    }
    assert!(!home.join("runs").exists(), "nothing was begun, so nothing is left behind");
}

#[test]
fn settings_that_clap_refuses_exit_with_two() {
    let home = home(LOSS);
    for args in [
        "--space space.yaml -- sh loss.sh",
        "--space space.yaml --evals 0 -- sh loss.sh",
        "--space space.yaml --evals 3 --parallel 0 -- sh loss.sh",
        "--space space.yaml --evals 3 --fidelities 0.5,2 -- sh loss.sh",
        "--space space.yaml --evals 3 --algorithm magic -- sh loss.sh",
        "--space space.yaml --evals 3 --cost-budget nan -- sh loss.sh",
        "--space space.yaml --evals 3",
        "--space space.yaml --stdio --evals 3",
    ] {
        let args: Vec<&str> = std::iter::once("tune").chain(args.split(' ')).collect();
        assert_eq!(run(home.path(), &args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_program_that_always_fails_ends_the_search() {
    let home = home("echo broken >&2; exit 1\n");
    let output = tune(home.path(), "--evals 50 --failure-limit 3 --algorithm random", &["sh", "loss.sh"]);
    assert_eq!(output.status.code(), Some(4));
    let error = stderr(&output);
    assert!(error.contains("3 of 3 calls failed (first: exit code 1; last on stderr: broken)"), "{error}");
}
