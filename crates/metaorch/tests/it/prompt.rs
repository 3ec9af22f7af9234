//! `metaorch prompt`: prompts taken apart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{last_json, run, stderr, stdout};

const ROLE: &str = "You are a careful clerk.";
const CHECK: &str = "Check the answer twice.";
const CHAT: &str = "Tell a joke first.";

/// A prompt with some of three components.
fn prompt(parts: usize) -> String {
    let lines = [(1, ROLE), (2, CHECK), (4, CHAT)].into_iter().filter(|(bit, _)| parts & bit > 0);
    let rules: Vec<String> = lines.map(|(_, text)| format!("- {text}\n")).collect();
    format!(
        "## Task\nSort \"{{{{ input }}}}\" <now> & well.\n\n## Rules\n- Use one word.\n{}",
        rules.concat()
    )
}

/// Scores of eight prompts on 240 examples: checking helps, joking hurts, the role does nothing.
fn write_scores(home: &Path, with_examples: bool) {
    let head = if with_examples { "prompt,example,score\n" } else { "prompt,score\n" };
    let mut csv = head.to_string();
    for parts in 0..8_usize {
        let rate = 40 + 35 * (parts >> 1 & 1) - 25 * (parts >> 2 & 1);
        for example in 0..240_usize {
            // The same examples are hard for every prompt.
            let score = u8::from((example * 37) % 100 < rate);
            let text = prompt(parts).replace('"', "\"\"");
            let _ = if with_examples {
                writeln!(csv, "\"{text}\",e{example},{score}")
            } else {
                writeln!(csv, "\"{text}\",{score}")
            };
        }
    }
    fs::write(home.join("scores.csv"), csv).unwrap();
}

fn worth_of(shown: &serde_json::Value, text: &str) -> serde_json::Value {
    let components = shown["components"].as_array().unwrap();
    let found = components.iter().find(|c| c["text"] == text).unwrap_or_else(|| panic!("{text}: {shown}"));
    found["worth"].clone()
}

#[test]
fn components_get_what_they_are_worth() {
    let home = tempfile::tempdir().unwrap();
    write_scores(home.path(), true);
    fs::write(home.path().join("all.txt"), prompt(7)).unwrap();
    let output = run(
        home.path(),
        &["prompt", "show", "scores.csv", "--prompt", "all.txt", "--html", "page.html", "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let shown = last_json(&output);
    assert!(worth_of(&shown, CHECK)["low"].as_f64() > Some(0.0), "{shown}");
    assert!(worth_of(&shown, CHAT)["high"].as_f64() < Some(0.0), "{shown}");
    let role = worth_of(&shown, ROLE);
    assert!(role["low"].as_f64() < Some(0.0) && role["high"].as_f64() > Some(0.0), "{role}");
    assert_eq!((role["support"].as_u64(), role["together"].as_u64()), (Some(4), Some(1)));
    assert!(role["interaction"].as_f64().is_some(), "{role}");
    assert!(worth_of(&shown, "Use one word.").is_null(), "every prompt has it");
    let page = fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.contains("Sort &quot;{{ input }}&quot; &lt;now&gt; &amp; well."), "{page}");
    assert!(page.contains(&format!("\">{CHECK}</mark>")) && page.contains("<svg"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");

    let plain = run(home.path(), &["prompt", "show", "scores.csv", "--basic"]);
    let text = stdout(&plain);
    assert!(text.contains("Rules") && text.contains(CHECK) && !text.contains('\x1b'), "{text}");
    let coloured = stdout(&run(home.path(), &["prompt", "show", "scores.csv", "--colour"]));
    assert!(coloured.contains(&format!("\x1b[32m{CHECK}\x1b[0m")), "{coloured}");
    assert!(!coloured.contains(CHAT), "the best prompt does not joke: {coloured}");
    let basic =
        run(home.path(), &["prompt", "show", "scores.csv", "--basic", "--prompt", "all.txt", "--json"]);
    assert!(worth_of(&last_json(&basic), ROLE)["interaction"].is_null());
    let few = run(
        home.path(),
        &["prompt", "show", "scores.csv", "--min-frequency", "5", "--prompt", "all.txt", "--json"],
    );
    assert_eq!(few.status.code(), Some(2), "no component is in five of eight prompts");
}

#[test]
fn shorter_prompts_must_be_proven_no_worse() {
    let home = tempfile::tempdir().unwrap();
    write_scores(home.path(), true);
    fs::write(home.path().join("long.txt"), prompt(3)).unwrap();
    let args = ["prompt", "shorten", "scores.csv", "--prompt", "long.txt", "--json"];
    let strict = last_json(&run(home.path(), &args));
    assert!(strict["no_worse"].is_null(), "240 examples cannot exclude a loss of 0.01: {strict}");
    let open = last_json(&run(home.path(), &[&args[..], &["--margin", "0.1"]].concat()));
    assert_eq!(open["no_worse"]["text"], prompt(2), "{open}");
    assert_eq!(open["no_worse"]["examples"], 240);
    assert!(open["no_worse"]["lowest"].as_f64() > Some(-0.1));
    assert_eq!(open["unproven"]["text"], prompt(2), "{open}");
    let human = stdout(&run(home.path(), &["prompt", "shorten", "scores.csv", "--prompt", "long.txt"]));
    assert!(human.contains("no recorded prompt is shorter") && human.contains("not scored yet"), "{human}");
    write_scores(home.path(), false);
    let output = run(home.path(), &["prompt", "shorten", "scores.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no column 'example'"), "{}", stderr(&output));
}

#[test]
fn prompts_are_parsed_and_compared() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a.txt"), prompt(1)).unwrap();
    fs::write(home.path().join("b.txt"), prompt(2).replace("## Rules", "## Constraints")).unwrap();
    let output = run(home.path(), &["prompt", "parse", "a.txt", "--features", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let parsed = last_json(&output);
    assert_eq!(parsed["delimiters"], "headings");
    assert_eq!(parsed["sections"][1]["kind"], "constraints");
    assert_eq!(parsed["sections"][1]["components"][1]["text"], ROLE);
    assert_eq!(parsed["features"]["list_items"], 2.0);
    assert!(
        stdout(&run(home.path(), &["prompt", "parse", "a.txt"]))
            .contains(&format!("\u{2514}\u{2500} {ROLE}"))
    );
    let changes = last_json(&run(home.path(), &["prompt", "diff", "a.txt", "b.txt", "--json"]));
    let kinds: Vec<&str> =
        changes["changes"].as_array().unwrap().iter().map(|c| c["change"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["renamed", "dropped", "added"]);
    let human = stdout(&run(home.path(), &["prompt", "diff", "a.txt", "b.txt"]));
    assert!(
        human.contains(&format!("- Constraints: {ROLE}")) && human.contains("+ Constraints: "),
        "{human}"
    );
    assert!(stdout(&run(home.path(), &["prompt", "diff", "a.txt", "a.txt"])).contains("the same"));

    fs::write(home.path().join("g.bnf"), "<s> ::= <s> ' and ' <s> | <w>  <w> ::= salt | pepper").unwrap();
    fs::write(home.path().join("t.txt"), "salt and pepper and salt").unwrap();
    let output = run(home.path(), &["prompt", "parse", "t.txt", "--grammar", "g.bnf"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("s salt and pepper and salt\n  s salt and pepper\n"),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("'s' can begin with itself")
            && stderr(&output).contains("several derivations")
    );
}

#[test]
fn runs_show_what_their_texts_are_worth() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(home.path(), &["demo", "--budget", "1500", "--json"]).status.code(), Some(0));
    let output = run(home.path(), &["prompt", "show", "runs/demo-1"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let error = stderr(&output);
    assert!(error.contains("several components; give --component: "), "{error}");
    let name = error.trim().rsplit(": ").next().unwrap().split(", ").next().unwrap().to_string();
    let output = run(
        home.path(),
        &["prompt", "show", "runs/demo-1", "--component", &name, "--min-frequency", "1", "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let shown = last_json(&output);
    assert!(
        shown["prompts"].as_u64() > Some(1) && !shown["components"].as_array().unwrap().is_empty(),
        "{shown}"
    );
    let again = run(
        home.path(),
        &["prompt", "show", "runs/demo-1", "--component", &name, "--min-frequency", "1", "--json"],
    );
    assert_eq!(stdout(&again), stdout(&output), "the same scores show the same");
}

/// Expects exit code 2 and one line with all `words`.
#[track_caller]
fn refused(home: &Path, args: &[&str], words: &[&str]) {
    let output = run(home, args);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{error}{}", stdout(&output));
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in words {
        assert!(error.contains(word), "'{word}' is not in: {error}");
    }
}

#[test]
fn bad_input_gets_one_line() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let write = |name: &str, bytes: &[u8]| fs::write(home.join(name), bytes).unwrap();
    write("bad.txt", b"Sort \xff it");
    write("ok.txt", b"a");
    refused(home, &["prompt", "parse", "none.txt"], &["none.txt", "No such file"]);
    refused(home, &["prompt", "parse", "bad.txt"], &["bad.txt", "byte 5 is no UTF-8"]);
    refused(home, &["prompt", "diff", "ok.txt", "bad.txt"], &["bad.txt", "byte 5"]);
    for (name, grammar, words) in [
        ("empty.bnf", "", "empty"),
        ("loop.bnf", "<s> ::= <s>", "derives no finite text"),
        ("far.bnf", "<s> ::= a  <t> ::= b", "cannot be reached"),
        ("open.bnf", "<s> ::= <t", "line 1"),
        ("open.ebnf", "s = ( \"a\" ;", "line 1"),
        ("bad.json", "{\"start\": 1}", "line 1"),
        ("left.bnf", "<s> ::= <s> b | b", "line 1, column 1 should go on with 'b'"),
        ("x.txt", "<s> ::= a", "grammars end in .bnf"),
    ] {
        write(name, grammar.as_bytes());
        refused(home, &["prompt", "parse", "ok.txt", "--grammar", name], &[words]);
    }
    for (name, table, words) in [
        ("cols.csv", "text,score\na,1\n", "needed: prompt, score"),
        ("score.csv", "prompt,score\na,1\nb,2\n", "line 3: score = 2; allowed: 0 to 1"),
        ("nan.csv", "prompt,score\na,NaN\n", "line 2: score = NaN"),
        ("width.csv", "prompt,score\na,1,2\n", "line 2: is no row"),
        ("one.csv", "prompt,score\na,1\n", "further prompts with scores is empty"),
        ("none.csv", "prompt,score\n", "further prompts with scores is empty"),
        ("rows.jsonl", "{\"prompt\": \"a\"", "line 1: is no JSON object"),
        ("score.jsonl", "{\"prompt\": \"a\", \"score\": \"x\"}", "line 1: score"),
    ] {
        write(name, table.as_bytes());
        refused(home, &["prompt", "show", name], &[words]);
    }
    write_scores(home, true);
    refused(
        home,
        &["prompt", "shorten", "scores.csv", "--margin", "0"],
        &["margin = 0", "above 0 and below 1"],
    );
    refused(home, &["prompt", "shorten", "scores.csv", "--prompt", "ok.txt"], &["one of the scored prompts"]);
    refused(
        home,
        &["prompt", "show", "scores.csv", "--min-frequency", "11"],
        &["min_component_frequency = 11"],
    );
    refused(home, &["prompt", "show", "."], &["no run directory"]);
}

#[test]
fn a_prompt_of_a_megabyte_is_no_trouble() {
    let home = tempfile::tempdir().unwrap();
    let rules: Vec<String> =
        (0..25_000).map(|i| format!("- Rule {i} says something that is new.\n")).collect();
    let text = format!("## Task\nSort.\n\n## Rules\n{}", rules.concat());
    assert!(text.len() > 1_000_000);
    fs::write(home.path().join("a.txt"), &text).unwrap();
    fs::write(home.path().join("b.txt"), text.replace("Rule 77 ", "Rule 78 ")).unwrap();
    let parsed = last_json(&run(home.path(), &["prompt", "parse", "a.txt", "--features", "--json"]));
    assert_eq!(parsed["sections"][1]["components"].as_array().unwrap().len(), 25_000);
    let changes = last_json(&run(home.path(), &["prompt", "diff", "a.txt", "b.txt", "--json"]));
    assert_eq!(changes["changes"].as_array().unwrap().len(), 2, "one dropped, one added");
    let output = run(home.path(), &["prompt", "parse", "a.txt", "--grammar", "g.bnf"]);
    assert_eq!(output.status.code(), Some(2), "there is no such grammar");
}
