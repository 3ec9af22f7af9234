use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use meta_traits::Stream;

use super::{LOSS, home, logged, ok, tune};
use crate::{last_json, metaorch, run, stderr};

/// Killed after some line of output, one to three times; the resumed search suggests what the undisturbed one did.
#[test]
fn killed_searches_go_on_with_the_same_suggestions() {
    let n: u64 = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let whole = home(LOSS);
    let options = "--evals 14 --parallel 2 --seed 5 --out s";
    let result = ok(&tune(whole.path(), options, &["sh", "loss.sh"]));
    let mut rows = String::from("trial,killed_after_lines,equal\n");
    for trial in 0..n {
        let mut rng = Stream::root(n).child("kill", trial);
        let (home, mut after) = (home(LOSS), Vec::new());
        let args =
            ["tune", "--space", "space.yaml", "--json", "--evals", "14", "--parallel", "2", "--seed", "5"];
        let args: Vec<&str> = args.into_iter().chain(["--out", "s", "--", "sh", "loss.sh"]).collect();
        for _ in 0..=rng.below(3) {
            let mut child = metaorch(home.path()).args(&args).stdout(Stdio::piped()).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
            let lines = 1 + rng.below(12);
            after.push((0..lines).map_while(|_| out.next()).count());
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let output = run(home.path(), &["resume", "s", "--json"]);
        assert_eq!(ok(&output), result);
        let asked = |home: &std::path::Path| logged(&home.join("s"), "asked");
        let equal = asked(home.path()) == asked(whole.path());
        writeln!(rows, "{trial},\"{after:?}\",{equal}").unwrap();
        assert!(equal, "trial {trial}, killed after {after:?} lines");
    }
    if let Ok(out) = std::env::var("METAORCH_SOAK_OUT") {
        fs::write(std::path::Path::new(&out).join("tune-kill.csv"), rows).unwrap();
    }
}

#[test]
fn a_search_is_prolonged_but_not_changed() {
    let home = home(LOSS);
    let command = ["sh", "loss.sh"];
    ok(&tune(home.path(), "--evals 4 --algorithm random --out s", &command));
    let longer = ok(&tune(home.path(), "--evals 7 --algorithm random --out s", &command));
    assert_eq!(longer["trials"], 7);
    for (options, command, what) in [
        ("--evals 9 --algorithm tpe --out s", command, "--algorithm changed"),
        ("--evals 9 --algorithm random --seed 1 --out s", command, "--seed changed"),
        ("--evals 9 --algorithm random --parallel 2 --out s", command, "--parallel changed"),
        ("--evals 9 --algorithm random --out s", ["bash", "loss.sh"], "the command changed"),
        ("--evals 9 --algorithm random --maximize --out s", command, "an option changed"),
    ] {
        let output = tune(home.path(), options, &command);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
    }
    // What was refused has left the search as it was.
    assert_eq!(last_json(&run(home.path(), &["resume", "s", "--json"]))["result"]["trials"], 7);
    let log = home.path().join("s/events.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("\"fidelity\":1.0", "\"fidelity\":0.5", 1)).unwrap();
    let output = run(home.path(), &["resume", "s"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("its checksum is wrong"), "{}", stderr(&output));
}
