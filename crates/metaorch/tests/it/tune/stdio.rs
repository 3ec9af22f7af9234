use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::home;
use crate::metaorch;

/// Sends all lines, ends the input, and gives the answers.
#[track_caller]
fn talk(home: &std::path::Path, args: &[&str], lines: &[Value]) -> Vec<Value> {
    let mut child = metaorch(home)
        .args(["tune", "--stdio"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn ask_tell_observe_best_and_explain() {
    let home = home("");
    let mut lines = vec![json!({"hello": {"protocol": 1}}), json!({"ask": 2})];
    for trial in 0..2 {
        lines.push(json!({"tell": {"trial": trial, "loss": trial + 1, "cost": 0.5}}));
    }
    lines.push(json!({"observe": {"parameters": {"x": 0.3, "y": 0.8, "kind": "plain"}, "loss": 0.25}}));
    lines.push(json!({"best": {}}));
    for trial in 3..13 {
        lines.push(json!({"ask": 1}));
        lines.push(json!({"tell": {"trial": trial, "failed": "no luck"}}));
    }
    lines.extend([json!({"ask": 1}), json!({"explain": 13})]);
    let answers = talk(home.path(), &["--space", "space.yaml"], &lines);
    assert_eq!(answers.len(), lines.len());
    assert_eq!(answers[0]["hello"]["parameters"], json!(["x", "y", "kind", "bend"]));
    assert_eq!(answers[1]["trials"].as_array().unwrap().len(), 2);
    assert_eq!(answers[3], json!({"told": 1}));
    assert_eq!(answers[4], json!({"observed": 2}));
    assert_eq!(answers[5]["best"]["loss"], 0.25);
    let explanation = &answers[answers.len() - 1]["explanation"];
    assert!(explanation["sd"].as_f64() > Some(0.0), "{explanation}");
    assert_eq!(explanation["importance"].as_array().unwrap().len(), 4);
}

#[test]
fn mistakes_are_answered_and_change_nothing() {
    let home = home("");
    let lines = [
        json!({"aks": 1}),
        json!({"tell": {"loss": 1}}),
        json!({"tell": {"trial": 7, "loss": 1}}),
        json!({"observe": {"parameters": {"x": 7}, "loss": 1}}),
        json!({"hello": {"protocol": 2}}),
        json!({"ask": 1}),
        json!({"tell": {"trial": 0}}),
        json!({"tell": {"trial": 0, "loss": 1}}),
    ];
    let answers = talk(home.path(), &["--space", "space.yaml"], &lines);
    let parts = [
        "unknown variant aks",
        "field trial is missing",
        "trial 7 is not pending",
        "no point of the space",
        "Allowed: 1",
    ];
    for (answer, part) in answers.iter().zip(parts) {
        assert!(answer["error"].as_str().unwrap_or_default().contains(part), "{part}: {answer}");
    }
    assert_eq!(answers[5]["trials"][0]["trial"], 0);
    // An answer without a loss ends its trial as a failure.
    assert_eq!(answers[6], json!({"told": 0}));
    assert!(answers[7]["error"].as_str().unwrap().contains("not pending"));
}

#[test]
fn a_session_is_taken_up_where_it_ended() {
    let home = home("");
    let space = json!({"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]});
    let hello = json!({"hello": {"protocol": 1, "space": space}});
    let round = |trial: usize| [json!({"ask": 1}), json!({"tell": {"trial": trial, "loss": trial % 3}})];
    let mut whole = vec![hello.clone()];
    whole.extend((0..14).flat_map(round));
    let expected = talk(home.path(), &[], &whole);
    let mut parts = vec![hello.clone()];
    parts.extend((0..6).flat_map(round));
    parts.push(json!({"ask": 1}));
    let first = talk(home.path(), &["--out", "s"], &parts);
    assert_eq!(first[..], expected[..14]);
    // The seventh trial was asked for and is still pending.
    let mut rest = vec![hello, json!({"tell": {"trial": 6, "loss": 0}})];
    rest.extend((7..14).flat_map(round));
    let second = talk(home.path(), &["--out", "s"], &rest);
    assert_eq!(second[0]["hello"]["pending"], json!([6]));
    assert_eq!(second[1..], expected[14..]);
}
