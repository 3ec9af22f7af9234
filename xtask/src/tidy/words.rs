use std::path::Path;

use super::Fault;
use super::tree::Tree;

/// What stands in no tracked file. Written in two parts so that this file passes its own check.
const ANYWHERE: &[(&str, &str)] = &[
    (concat!("/ho", "me/"), "a path of one machine; use a relative path or an environment variable"),
    (concat!("/ro", "ot/"), "a path of one machine; use a relative path or an environment variable"),
    (concat!("/Us", "ers/"), "a path of one machine; use a relative path or an environment variable"),
    (concat!("/wo", "rk/"), "a path of one machine; use a relative path or an environment variable"),
    (concat!("C:", "\\"), "a path of one machine; use a relative path or an environment variable"),
    (concat!("py", "pi.org"), "a registry host; let the package manager choose its registry"),
    (concat!("python", "hosted.org"), "a registry host; let the package manager choose its registry"),
    (concat!("index.", "crates.io"), "a registry host; let the package manager choose its registry"),
    (concat!("static.", "crates.io"), "a registry host; let the package manager choose its registry"),
    (concat!("arti", "factory"), "a registry host; let the package manager choose its registry"),
];

/// Marks of unfinished work, as whole words, in program text and documents.
const MARKS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK"), concat!("WI", "P")];

/// What stands in no Rust file.
const IN_RUST: &[(&str, &str)] = &[
    (concat!("todo", "!("), "unfinished; write the code or leave the item out"),
    (concat!("unimple", "mented!("), "unfinished; write the code or leave the item out"),
    (concat!("db", "g!("), "left over from debugging; delete it"),
    (concat!("#[ig", "nore"), "a test that does not run proves nothing; run it or delete it"),
    (concat!("thread::", "sleep"), "waits by the clock; wait for the event itself or inject a clock"),
    (concat!("#[al", "low("), "silences a lint for ever; use #[expect(.., reason = \"..\")]"),
];

/// Data and recorded output: words there are not ours.
fn is_data(path: &str) -> bool {
    [".jsonl", ".csv", ".json", ".lock", ".txt"].iter().any(|ending| path.ends_with(ending))
}

/// Texts that a reference implementation was given, and what it made of them: a path there leads nowhere.
fn is_golden(path: &str) -> bool {
    path.contains("/tests/golden/")
}

/// No machine paths, no registry hosts, no marks of unfinished work, no sleeping or silenced tests.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.files() {
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        for (number, line) in (1..).zip(text.lines()) {
            let mut found = |what: &str, why: &str| {
                faults.push(Fault::new(path, number, "words", format!("'{what}' is {why}")));
            };
            if !is_golden(path) {
                for (what, why) in ANYWHERE.iter().filter(|(what, _)| stands_alone(line, what)) {
                    found(what, why);
                }
            }
            if !is_data(path) {
                for mark in MARKS.iter().filter(|mark| has_word(line, mark)) {
                    found(mark, "a mark of unfinished work; finish it or open an issue");
                }
            }
            if is_rust {
                for (what, why) in IN_RUST.iter().filter(|(what, _)| line.contains(what)) {
                    found(what, why);
                }
            }
        }
    }
    faults
}

/// Whether `line` holds `what` not as the tail of a longer path or name.
fn stands_alone(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}/".contains(c))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_wordly) && !after.is_some_and(is_wordly)
    })
}

fn is_wordly(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, line: &str) -> usize {
        check(&Tree::of(&[(path, line)])).len()
    }

    #[test]
    fn paths_of_machines_are_found_and_relative_ones_are_not() {
        assert_eq!(faults("README.md", concat!("see `/ho", "me/ann/notes`")), 1);
        assert_eq!(faults("a.jsonl", concat!("{\"path\":\"/ro", "ot/x\"}")), 1);
        assert_eq!(faults("a.rs", concat!("\"docs/ho", "me/index.md\"")), 0);
        assert_eq!(faults("a.rs", concat!("${TMP}/wo", "rk/")), 0);
        assert_eq!(faults("crates/x/tests/golden/texts.json", concat!("[\"C:", "\\x\"]")), 0);
    }

    #[test]
    fn marks_are_whole_words_outside_of_data() {
        let mark = concat!("TO", "DO");
        assert_eq!(faults("a.rs", &format!("// {mark}: later")), 1);
        assert_eq!(faults("a.rs", &format!("let {mark}S = 1;")), 0);
        assert_eq!(faults("data.jsonl", mark), 0);
    }

    #[test]
    fn rust_files_neither_sleep_nor_skip() {
        assert_eq!(faults("a.rs", concat!("std::thread::", "sleep(d);")), 1);
        assert_eq!(faults("a.rs", concat!("#[ig", "nore = \"slow\"]")), 1);
        assert_eq!(faults("a.rs", concat!("    unimple", "mented!()")), 1);
        assert_eq!(faults("a.md", concat!("std::thread::", "sleep(d);")), 0);
    }
}
