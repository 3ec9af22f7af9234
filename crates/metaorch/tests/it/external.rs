use std::fs;

use crate::{last_json, run, stderr};

const EVALUATOR: &str = r#"
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if "hello" in m:
        out = {"hello": {"protocol": 1, "components": {"word": {"kind": "text", "seed": "aaaa"}},
               "examples": {"train": 6, "val": 4, "test": 4}, "propose": True, "concurrency": 2}}
    elif "evaluate" in m:
        e = m["evaluate"]; word = e["candidate"]["word"]
        hits = sum(a == b for a, b in zip(word, "rust"))
        out = {"id": m["id"], "score": hits / 4, "feedback": [{"component": "word", "text": "%d right" % hits}],
               "cost": {"calls": 1, "tokens_in": 4, "tokens_out": 1, "nano_usd": 10}}
    else:
        p = m["propose"]; word = list(p["candidate"]["word"]); s = p["seed"]
        word[s % 4] = "rustabcdefghijklmnopqvwxyz"[(s // 4) % 8]
        out = {"id": m["id"], "text": "".join(word)}
    print(json.dumps(out), flush=True)
"#;

#[test]
fn a_program_in_another_language_evaluates_and_proposes() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("evaluator.py"), EVALUATOR).unwrap();
    let config =
        "name: words\nevaluator: {command: [python3, evaluator.py], timeout_s: 30}\nbudget: {calls: 600}\n";
    fs::write(home.path().join("words.yaml"), config).unwrap();
    let output = run(home.path(), &["run", "words.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = &last_json(&output)["result"];
    assert_eq!(result["best_system"]["word"].as_str().map(str::len), Some(4));
    assert!(result["best_score"].as_f64() > Some(0.0), "{result}");
    let spent = result["spent"]["nano_usd"].as_u64().unwrap();
    assert_eq!(spent, 10 * result["spent"]["evaluations"].as_u64().unwrap(), "the program's own account");
}
