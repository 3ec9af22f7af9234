use crate::{last_json, run, stderr, stdout};

#[test]
fn the_demo_improves_the_simulated_system_and_leaves_a_whole_run_directory() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["demo", "--budget", "2000", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let last = last_json(&output);
    let result = &last["result"];
    assert!(result["best_score"].as_f64() > result["seed_score"].as_f64());
    assert!(result["total_rollouts"].as_u64().unwrap() <= 2000);
    assert_eq!(result["held_out"]["examples"], 1000);
    assert!(result["held_out"]["p_value"].as_f64().unwrap() < 0.01);
    let directory = home.path().join("runs/demo-1");
    for name in [
        "config.resolved.yaml",
        "events.jsonl",
        "best.yaml",
        "ledger.csv",
        "timing.jsonl",
        "result.json",
        "candidates/0000.yaml",
    ] {
        assert!(directory.join(name).is_file(), "{name}");
    }
    let ledger = std::fs::read_to_string(directory.join("ledger.csv")).unwrap();
    let column = |line: &str| line.split(',').nth(2).unwrap().parse::<u64>().unwrap();
    let rows: Vec<&str> = ledger.lines().skip(1).collect();
    let sum: u64 = rows.iter().filter(|r| !r.starts_with("sum")).map(|r| column(r)).sum();
    assert_eq!(sum, column(rows.last().unwrap()), "the ledger adds up");
    assert_eq!(
        sum,
        result["total_rollouts"].as_u64().unwrap() + 2000,
        "search, and two reports on 1000 examples"
    );
}

#[test]
fn the_same_seed_gives_the_same_log_and_status_reads_it() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        run(home.path(), &["demo", "--budget", "600", "--seed", "3", "--json"]);
    }
    let log = |n: u32| std::fs::read(home.path().join(format!("runs/demo-{n}/events.jsonl"))).unwrap();
    assert_eq!(log(1), log(2));
    let output = run(home.path(), &["status", "runs/demo-1", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(last_json(&output)["stop"], "budget");
    let output = run(home.path(), &["status", "runs/demo-1"]);
    assert!(stdout(&output).contains("search over"), "{}", stdout(&output));
    let output = run(
        home.path(),
        &["eval", "runs/demo-1", "--baseline", "runs/demo-2", "--fail-under", "-0.02", "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(last_json(&output)["held_out"]["difference"]["mean"], 0.0);
    let output = run(home.path(), &["eval", "runs/demo-1", "--fail-under", "0.99"]);
    assert_eq!(output.status.code(), Some(5), "{}", stdout(&output));
}

#[test]
fn a_finished_run_resumes_to_itself() {
    let home = tempfile::tempdir().unwrap();
    run(home.path(), &["demo", "--budget", "600", "--json"]);
    let log = home.path().join("runs/demo-1/events.jsonl");
    let before = std::fs::read(&log).unwrap();
    let output = run(home.path(), &["resume", "runs/demo-1", "--json"]);
    assert_eq!(last_json(&output)["event"], "result");
    assert_eq!(std::fs::read(&log).unwrap(), before);
}
