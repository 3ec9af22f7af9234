use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::{last_json, metaorch, run, stderr, stdout};

/// What the program says on standard output when it is given `text`.
fn fed(home: &Path, args: &[&str], text: &str) -> String {
    let mut command = metaorch(home);
    let piped = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().expect("the program starts");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// A two-module system over the scripted model, with data of its own.
pub(crate) fn write_task(home: &Path) {
    let row = |i: usize, kind: &str| {
        let label = ["red", "blue"][i % 2];
        format!(r#"{{"input": "{kind} thing number {i} is {label}ish", "expected": "{label}"}}"#)
    };
    for (split, n) in [("train", 8), ("val", 6), ("test", 10)] {
        let rows: Vec<String> = (0..n).map(|i| row(i, split)).collect();
        fs::write(home.join(format!("{split}.jsonl")), rows.join("\n")).unwrap();
    }
    fs::write(home.join("task.yaml"), CONFIG).unwrap();
}

pub(crate) const CONFIG: &str = r#"name: colours
seed: 1
data: {train: train.jsonl, val: val.jsonl, test: test.jsonl}
metric: label
models:
  task: {provider: scripted, model: red}
system:
  input: [input]
  modules:
    similar: {kind: retrieve, corpus: train, k: 1, query: "{{ input }}"}
    colour:
      kind: llm
      model: task
      labels: [red, blue]
      prompt: |-
        {{ similar }}
        Thing: {{ input }}
        Colour:
  flow: [similar, colour]
budget: {calls: 60}
"#;

#[test]
fn a_system_over_the_scripted_model_runs_end_to_end() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let output = run(home.path(), &["check", "task.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = run(home.path(), &["plan", "task.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let plan = last_json(&output);
    assert_eq!(plan["metric_calls"], 60);
    assert_ordered(&plan);
    assert!(plan["calls"]["high"].as_u64() <= Some(60), "{plan}");
    assert_eq!(plan["source"]["probe"]["examples"], 6);
    assert!(plan["seconds"]["mid"].as_f64() > Some(0.0), "{plan}");
    let output = run(home.path(), &["run", "task.yaml", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let last = last_json(&output);
    assert_eq!(last["event"], "result", "{last}");
    assert!(last["result"]["total_rollouts"].as_u64().unwrap() <= 60);
    // The finished run makes the next plan sharper.
    let output = run(home.path(), &["plan", "task.yaml", "--json"]);
    let after = last_json(&output);
    assert_eq!(after["source"]["history"]["runs"], 1, "{after}");
    assert_ordered(&after);
    let spent = last["result"]["spent"]["tokens_in"].as_u64().unwrap();
    let within = after["tokens_in"]["low"].as_u64().unwrap()..=after["tokens_in"]["high"].as_u64().unwrap();
    assert!(within.contains(&spent), "{spent} {after}");
    let human = run(home.path(), &["plan", "task.yaml"]);
    assert!(stdout(&human).contains("1 finished runs of this task"), "{}", stdout(&human));
    assert_eq!(last["result"]["held_out"]["examples"], 10);
    assert!(home.path().join("runs/colours-1/cache").is_dir());
    let before = fs::read(home.path().join("runs/colours-1/events.jsonl")).unwrap();
    let whole = String::from_utf8(before.clone()).unwrap();
    // Cut the log in the middle, as a kill would, and go on: the cache must not change the record.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    fs::write(home.path().join("runs/colours-1/events.jsonl"), lines[..lines.len() / 2].concat()).unwrap();
    let output = run(home.path(), &["resume", "runs/colours-1", "--json"]);
    assert_eq!(last_json(&output)["event"], "result", "{}", stderr(&output));
    assert_eq!(fs::read(home.path().join("runs/colours-1/events.jsonl")).unwrap(), before);
    // What was found can be taken elsewhere, and put to work.
    let output = run(home.path(), &["export", "runs/colours-1"]);
    assert!(last_json(&output)["colour"].as_str().unwrap().contains("{{ input }}"), "{}", stdout(&output));
    let answers = fed(home.path(), &["serve", "runs/colours-1"], "a red thing\n\n\"two\\nlines\"\n");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    for answer in answers {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert!(["red", "blue"].contains(&answer["output"].as_str().unwrap()), "{answer}");
    }
}

/// Every interval of a plan has its middle between its ends.
#[track_caller]
fn assert_ordered(plan: &serde_json::Value) {
    let mut seen = 0;
    let parts = plan["parts"].as_object().unwrap().values();
    for amounts in parts.chain([plan]) {
        for (name, i) in amounts.as_object().unwrap().iter().filter(|(_, i)| i["mid"].is_number()) {
            let [low, mid, high] = ["low", "mid", "high"].map(|end| i[end].as_f64().unwrap());
            assert!(low <= mid && mid <= high, "{name}: {i}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{plan}");
}

#[test]
fn a_resume_with_other_data_is_refused() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    run(home.path(), &["run", "task.yaml", "--json"]);
    let mut rows = fs::read_to_string(home.path().join("val.jsonl")).unwrap();
    rows.push_str("\n{\"input\": \"one more\", \"expected\": \"red\"}\n");
    fs::write(home.path().join("val.jsonl"), rows).unwrap();
    let output = run(home.path(), &["resume", "runs/colours-1"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("changed since the run started"), "{}", stderr(&output));
}

#[test]
fn a_plan_for_a_hosted_model_calls_nobody() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    // Nobody listens on the discard port of the loopback: any call would fail.
    let hosted = "{provider: openai, model: m, key_env: '', base_url: 'http://127.0.0.1:9', usd_per_million_in: 1.0, retries: 1}";
    let config = CONFIG.replacen("{provider: scripted, model: red}", hosted, 1).replacen(
        "labels:",
        "choose: generate\n      labels:",
        1,
    );
    fs::write(home.path().join("hosted.yaml"), config).unwrap();
    let output = run(home.path(), &["plan", "hosted.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let plan = last_json(&output);
    assert!(plan["call"]["mean"]["tokens_in"].as_u64() > Some(10), "{plan}");
    assert_ordered(&plan);
    assert!(plan["nano_usd"]["mid"].as_u64() <= plan["at_most"]["nano_usd"].as_u64());
    assert!(plan["nano_usd"]["low"].as_u64() > Some(0), "{plan}");
    assert_eq!((&plan["source"], &plan["assumed_latency"]), (&"lengths".into(), &true.into()));
    assert!(
        plan["seconds"]["high"].as_f64() > Some(2.0 * plan["seconds"]["low"].as_f64().unwrap()),
        "{plan}"
    );
    let human = run(home.path(), &["plan", "hosted.yaml"]);
    assert!(stdout(&human).contains("nothing was timed: assumes 0.6 s a call"), "{}", stdout(&human));
    let output = run(home.path(), &["plan", "hosted.yaml", "--probe"]);
    assert_eq!(output.status.code(), Some(4), "a probe does call");
}

#[test]
fn one_table_is_divided_and_its_splits_are_on_record() {
    let home = tempfile::tempdir().unwrap();
    let rows: Vec<String> =
        (0..40).map(|i| format!("{},thing {i},{}\n", i / 2, ["red", "blue"][i / 2 % 2])).collect();
    let rows = rows.concat();
    fs::write(home.path().join("all.csv"), format!("user,text,colour\n{rows}")).unwrap();
    let data = "data: {train: all.csv, columns: {input: text, expected: colour, meta: [user]}, \
                split: {val: 0.2, test: 0.3, stratify: true, group: meta.user}}";
    let config =
        |data: &str| CONFIG.replace("data: {train: train.jsonl, val: val.jsonl, test: test.jsonl}", data);
    fs::write(home.path().join("task.yaml"), config(data)).unwrap();
    let output = run(home.path(), &["run", "task.yaml", "--json"]);
    let result = &last_json(&output)["result"];
    assert_eq!(result["held_out"]["examples"], 12, "{}", stderr(&output));
    assert_eq!(result["held_out"]["labels"]["majority"]["mean"], 0.5);
    assert_eq!(result["data"]["train"]["rows"], 20);
    let log = fs::read_to_string(home.path().join("runs/colours-1/events.jsonl")).unwrap();
    let hash = result["data"]["test"]["blake3"].as_str().unwrap();
    assert!(hash.len() == 64 && log.lines().next().unwrap().contains(hash));
    for (data, part) in [
        ("data: {train: all.csv}", "data.split: {val: 0.2}"),
        ("data: {train: all.csv, val: b.csv, split: {val: 0.2}}", "Keep one"),
        ("data: {train: all.csv, split: {val: 1.5}}", "data.split.val = 1.5"),
        ("data: {train: all.csv, split: {folds: 5, fold: 5}}", "0 to 4"),
        ("data: {train: all.csv, split: {val: 0.2}}", "column 'input' is missing"),
        ("data: {train: all.csv, split: {val: 0.2, group: user}}", "no place in a row"),
    ] {
        fs::write(home.path().join("task.yaml"), config(data)).unwrap();
        let output = run(home.path(), &["check", "task.yaml"]);
        assert_ne!(output.status.code(), Some(0), "{data}");
        assert!(stderr(&output).contains(part), "{data}: {}", stderr(&output));
    }
}
