use std::fs;

use crate::scripted::{CONFIG, write_task};
use crate::{last_json, run, stderr};

/// The settings of a system are checked, planned for, searched and resumed as prompts are.
#[test]
fn settings_are_searched_beside_prompts() {
    searched("[1, 2, 3]", "[1, 200]");
}

/// The same with a range: numbers come from Bayesian optimisation.
#[test]
fn ranges_are_searched_beside_prompts() {
    searched("{from: 1, to: 3}", "{from: 1, to: 200}");
}

/// Flows made by evolution are searched, kept and resumed like every other setting.
#[test]
fn flows_are_made_beside_prompts() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let evolving = CONFIG
        .replace("  flow: [", "    plain: {kind: llm, model: task, labels: [red, blue], prompt: 'Colour of {{ input }}:'}\n  evolve: {max_modules: 4}\n  flow: [")
        .replace("budget: {calls: 60}", "meta: {enabled: true}\nbudget: {calls: 90}");
    fs::write(home.path().join("task.yaml"), &evolving).unwrap();
    let output = run(home.path(), &["run", "task.yaml", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let directory = home.path().join("runs/colours-1");
    let events = fs::read_to_string(directory.join("events.jsonl")).unwrap();
    assert!(events.contains("flow: own") && events.contains("(0)"), "graphs are tried: {events}");
    let lines: Vec<&str> = events.split_inclusive('\n').collect();
    fs::write(directory.join("events.jsonl"), lines[..lines.len() / 2].concat()).unwrap();
    let output = run(home.path(), &["resume", "runs/colours-1", "--json"]);
    assert_eq!(last_json(&output)["event"], "result", "{}", stderr(&output));
    assert_eq!(fs::read_to_string(directory.join("events.jsonl")).unwrap(), events);
}

fn searched(values: &str, wrong: &str) {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let section = format!("  search: {{similar.k: {values}}}\nmeta: {{enabled: true}}\nbudget:");
    let searched = CONFIG.replace("budget:", &section);
    fs::write(home.path().join("task.yaml"), &searched).unwrap();
    for command in ["check", "plan"] {
        let output = run(home.path(), &[command, "task.yaml", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
    }
    let output = run(home.path(), &["run", "task.yaml", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let directory = home.path().join("runs/colours-1");
    let best = fs::read_to_string(directory.join("best.yaml")).unwrap();
    assert!(best.contains("similar.k: "), "{best}");
    let events = fs::read_to_string(directory.join("events.jsonl")).unwrap();
    assert!(events.contains("similar.k: 2") || events.contains("similar.k: 3"), "other values are tried");
    let lines: Vec<&str> = events.split_inclusive('\n').collect();
    fs::write(directory.join("events.jsonl"), lines[..lines.len() / 2].concat()).unwrap();
    let output = run(home.path(), &["resume", "runs/colours-1", "--json"]);
    assert_eq!(last_json(&output)["event"], "result", "{}", stderr(&output));
    assert_eq!(fs::read_to_string(directory.join("events.jsonl")).unwrap(), events);
    let wrong = searched.replace(values, wrong);
    fs::write(home.path().join("wrong.yaml"), wrong).unwrap();
    let output = run(home.path(), &["check", "wrong.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("system.search.similar.k = 200"), "{}", stderr(&output));
}

/// A second run begins with what the first learned, and resumes with just that, whatever the file says by then.
#[test]
fn what_a_run_learned_is_kept_where_it_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let (store, task) = (home.path().join("past.jsonl"), home.path().join("task.yaml"));
    let learning = CONFIG.replace("budget:", "experience: past.jsonl\nmeta: {enabled: true}\nbudget:");
    fs::write(&task, &learning).unwrap();
    for n in 1..=2 {
        let output = run(home.path(), &["run", "task.yaml", "--json"]);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
        assert_eq!(fs::read_to_string(&store).unwrap().lines().count(), n);
    }
    let shown = run(home.path(), &["experience", "show", "past.jsonl", "--json"]);
    assert_eq!(last_json(&shown)["name"], "colours", "{}", stderr(&shown));
    let directory = home.path().join("runs/colours-2");
    let events = fs::read_to_string(directory.join("events.jsonl")).unwrap();
    let lines: Vec<&str> = events.split_inclusive('\n').collect();
    fs::write(directory.join("events.jsonl"), lines[..lines.len() / 2].concat()).unwrap();
    let output = run(home.path(), &["resume", "runs/colours-2", "--json"]);
    assert_eq!(last_json(&output)["event"], "result", "{}", stderr(&output));
    assert_eq!(fs::read_to_string(directory.join("events.jsonl")).unwrap(), events);
    assert_eq!(fs::read_to_string(&store).unwrap().lines().count(), 2, "a run is kept once");
    let output = run(home.path(), &["experience", "prune", "past.jsonl", "--keep", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&store).unwrap().lines().count(), 1);
    fs::write(&store, "no run\n").unwrap();
    let output = run(home.path(), &["run", "task.yaml"]);
    assert!(stderr(&output).contains("line 1 is no run"), "{}", stderr(&output));
    assert_ne!(output.status.code(), Some(0));
}
