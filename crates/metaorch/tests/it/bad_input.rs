//! Every mistake gets one line that says what, where, what is allowed and what to do, and the right exit code.

use std::fs;
use std::path::Path;

use crate::scripted::{CONFIG, write_task};
use crate::{run, stderr, stdout};

/// Runs `config` and expects `code` and every one of `words` in the single line of the error.
#[track_caller]
fn check(home: &Path, config: &str, code: i32, words: &[&str]) {
    fs::write(home.join("bad.yaml"), config).unwrap();
    let output = run(home, &["run", "bad.yaml"]);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{error}{}", stdout(&output));
    let line =
        error.lines().find(|l| l.starts_with("error: ")).unwrap_or_else(|| panic!("no error line: {error}"));
    for word in words {
        assert!(line.contains(word), "'{word}' is not in: {line}");
    }
    assert_eq!(error.lines().filter(|l| l.starts_with("error: ")).count(), 1, "{error}");
}

#[test]
fn mistakes_in_the_file_and_the_data() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write_task(home);
    let with = |from: &str, to: &str| {
        assert!(CONFIG.contains(from), "{from}");
        CONFIG.replacen(from, to, 1)
    };
    check(home, "name: [", 2, &["config:", "bad.yaml", "line 1"]);
    check(
        home,
        &with("budget: {calls: 60}", "budget: {cals: 60}"),
        2,
        &["cals", "did you mean calls?", "line"],
    );
    check(home, &with("seed: 1", "seed: many"), 2, &["bad.yaml", "line 2"]);
    check(home, &with("budget: {calls: 60}", "budget: {}"), 2, &["budget", "calls"]);
    check(
        home,
        &with("budget: {calls: 60}", "budget: {calls: 8}"),
        2,
        &["budget: 8 calls", "Use at least 18"],
    );
    check(
        home,
        &with("flow: [similar, colour]", "flow: [similar, colur]"),
        2,
        &["colur", "did you mean colour?"],
    );
    check(home, &with("{{ similar }}", "{{ colour }}"), 2, &["colour"]);
    check(home, &with("metric: label", "metric: labl"), 2, &["labl", "label"]);
    check(home, &with("model: task", "model: tsk"), 2, &["tsk", "task"]);
    check(home, &with("val: val.jsonl", "val: vla.jsonl"), 2, &["vla.jsonl"]);
    check(home, &with("metric: label\n", ""), 2, &["metric"]);
    check(home, "name: x\nbudget: {calls: 60}\n", 2, &["neither system nor evaluator"]);
    fs::write(home.join("empty.jsonl"), "").unwrap();
    check(home, &with("val: val.jsonl", "val: empty.jsonl"), 2, &["empty.jsonl"]);
    fs::write(home.join("broken.jsonl"), "{\"input\": \"a\", \"expected\": \"red\"}\n{\"input\": ").unwrap();
    check(home, &with("val: val.jsonl", "val: broken.jsonl"), 2, &["broken.jsonl", "2"]);
    check(home, &with("val: val.jsonl", "val: train.jsonl"), 2, &["train", "allow_leakage"]);
    assert!(!home.join("runs").join("colours-1").exists(), "nothing was begun, so nothing is left behind");
    let output = run(home, &["run", "missing.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.yaml"), "{}", stderr(&output));
    let output = run(home, &["resume", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere is no run directory"), "{}", stderr(&output));
}

#[test]
fn models_that_cannot_be_had() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write_task(home);
    let model = |spec: &str| {
        CONFIG.replacen("{provider: scripted, model: red}", spec, 1).replacen(
            "labels: [red, blue]",
            "choose: generate\n      labels: [red, blue]",
            1,
        )
    };
    check(
        home,
        &model("{provider: embedded}"),
        2,
        &["metaorch model fetch", "metaorch model import", "METAORCH_MODEL_PATH"],
    );
    check(home, &model("{provider: embedded, model: none.gguf}"), 2, &["none.gguf"]);
    check(home, &model("{provider: openai, model: m, key_env: NO_SUCH_KEY}"), 4, &["NO_SUCH_KEY"]);
    // Nobody listens on the discard port of the loopback.
    let dead = "{provider: openai, model: m, key_env: '', base_url: 'http://127.0.0.1:9', timeout_s: 5, \
                retries: 0}";
    check(home, &model(dead), 4, &["evaluator:", "127.0.0.1:9"]);
}

#[test]
fn a_refused_key_stops_the_run_at_once_and_is_never_shown() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            // The request fits one read: a few hundred bytes on the loopback.
            let _ = std::io::Read::read(&mut stream, &mut [0; 8192]);
            let _ = std::io::Write::write_all(
                &mut stream,
                b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"error\":{}}",
            );
        }
    });
    let model = format!("{{provider: openai, model: m, key_env: TEST_KEY, base_url: 'http://{address}/v1'}}");
    let config = CONFIG.replacen("{provider: scripted, model: red}", &model, 1).replacen(
        "labels: [red, blue]",
        "choose: generate\n      labels: [red, blue]",
        1,
    );
    fs::write(home.path().join("key.yaml"), config).unwrap();
    let canary = "sk-canary-0123456789";
    let output =
        crate::metaorch(home.path()).args(["run", "key.yaml"]).env("TEST_KEY", canary).output().unwrap();
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{error}");
    assert!(error.contains("401") && error.contains("TEST_KEY"), "{error}");
    for text in [error, stdout(&output)] {
        assert!(!text.contains(canary), "{text}");
    }
}

#[test]
fn evaluators_that_misbehave() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let hello = r#"{"hello":{"protocol":1,"components":{"w":{"kind":"text","seed":"a"}},"examples":{"train":3,"val":2,"test":0},"propose":false,"concurrency":1}}"#;
    let config = |script: &str| {
        fs::write(home.join("evaluator.sh"), script).unwrap();
        "name: bad\nevaluator: {command: [sh, evaluator.sh], timeout_s: 0.5, hello_timeout_s: 5, max_restarts: 1}\n\
         models: {m: {provider: scripted, model: b}}\noptimizer: {proposer: {model: m}, failure_limit: 3}\nbudget: {calls: 50}\n"
            .to_owned()
    };
    check(home, &config("exit 1"), 4, &["evaluator"]);
    check(home, &config("read x; echo garbage"), 4, &["evaluator"]);
    check(home, &config(&format!("read x; echo '{hello}'; exit 1")), 4, &["evaluator:"]);
    check(
        home,
        &config(&format!("read x; echo '{hello}'; while read x; do echo nonsense; done")),
        4,
        &["evaluator:"],
    );
    check(
        home,
        &config(&format!("read x; echo '{hello}'; cat >/dev/null")),
        4,
        &["evaluator:", "no answer within 500ms"],
    );
    let nan = format!(
        "read x; echo '{hello}'; i=0; while read x; do echo '{{\"id\":'$i',\"score\":NaN}}'; i=$((i+1)); done"
    );
    check(home, &config(&nan), 4, &["evaluator:"]);
    let missing = "name: bad\nevaluator: {command: [no-such-program-here]}\nbudget: {calls: 50}\n";
    check(home, missing, 2, &["no-such-program-here"]);
}
