//! Kills the program at random moments; resuming must end as if nothing had happened.
//!
//! `cargo xtask soak kill --n N --out DIR` runs the same loop N times and keeps its rows.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use meta_traits::Stream;

use crate::{metaorch, run, stderr, stdout};

const BUDGET: &str = "6000";

/// What must not differ. `result.json` holds the time it took, which may.
fn final_state(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["events.jsonl", "best.yaml"] {
        files.push((name.to_owned(), fs::read(directory.join(name)).expect(name)));
    }
    let mut candidates: Vec<_> =
        fs::read_dir(directory.join("candidates")).unwrap().map(|e| e.unwrap().path()).collect();
    candidates.sort();
    for path in candidates {
        files.push((path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()));
    }
    let ledger = fs::read_to_string(directory.join("ledger.csv")).unwrap();
    let certain: String =
        ledger.lines().filter(|l| !l.starts_with("uncertain")).collect::<Vec<_>>().join("\n");
    files.push(("ledger.csv".into(), certain.into_bytes()));
    let mut result: serde_json::Value =
        serde_json::from_slice(&fs::read(directory.join("result.json")).unwrap()).unwrap();
    for timing in ["optimization_time", "uncertain"] {
        result[timing] = serde_json::Value::Null;
    }
    files.push(("result.json".into(), result.to_string().into_bytes()));
    files
}

#[test]
fn killed_runs_resume_to_the_same_bytes() {
    let n: u64 = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["demo", "--budget", BUDGET, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = stdout(&output).lines().count();
    let whole = final_state(&home.path().join("runs/demo-1"));
    let mut rows = String::from("trial,kills,killed_after_lines,events_at_last_kill,uncertain_rows,equal\n");
    for trial in 0..n {
        let mut rng = Stream::root(n).child("kill", trial);
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("runs/demo-1");
        let mut after = Vec::new();
        let mut args = vec!["demo", "--budget", BUDGET, "--json"];
        // One to three kills, each after some line of output: anywhere between the first event and the last.
        for _ in 0..=rng.below(3) {
            let stop_after = 1 + rng.below(lines.max(2) - 1);
            let mut child = metaorch(home.path()).args(&args).stdout(Stdio::piped()).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
            let read = (0..stop_after).map_while(|_| out.next()).count();
            child.kill().unwrap();
            child.wait().unwrap();
            after.push(read);
            if directory.join("config.resolved.yaml").is_file() {
                args = vec!["resume", "runs/demo-1", "--json"];
            }
        }
        let events = fs::read_to_string(directory.join("events.jsonl")).unwrap_or_default().lines().count();
        let output = run(home.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let again = final_state(&directory);
        let ledger = fs::read_to_string(directory.join("ledger.csv")).unwrap();
        let uncertain = ledger.lines().filter(|l| l.starts_with("uncertain")).count();
        let equal = again == whole;
        writeln!(rows, "{trial},{},\"{after:?}\",{events},{uncertain},{equal}", after.len()).unwrap();
        for ((name, expected), (_, got)) in whole.iter().zip(&again) {
            assert!(expected == got, "trial {trial}, killed after {after:?} lines: {name} differs");
        }
        assert!(equal);
    }
    if let Ok(out) = std::env::var("METAORCH_SOAK_OUT") {
        fs::create_dir_all(&out).unwrap();
        fs::write(Path::new(&out).join("kill.csv"), rows).unwrap();
    }
}
