use super::Fault;
use super::tree::Tree;

/// Most code lines of a file: no blank lines, no comments, nothing from the unit tests on.
const MOST: usize = 600;

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[];

/// Rust files are at most 600 code lines long, and `lib.rs` holds no functions.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let lines = code_lines(text);
        let excused = LONG.iter().any(|(long, _)| *long == path);
        if lines > MOST && !excused {
            let message =
                format!("{lines} code lines; split the file (allowed: {MOST}) or list it with a reason");
            faults.push(Fault::new(path, 1, "size", message));
        } else if lines <= MOST && excused {
            faults.push(Fault::new(
                path,
                1,
                "size",
                "is short enough now; take it off the list of long files",
            ));
        }
        if path.ends_with("src/lib.rs") {
            for (number, line) in (1..).zip(text.lines()) {
                let code = line.trim_start();
                if !code.starts_with("//") && (code.starts_with("fn ") || code.contains(" fn ")) {
                    let message = "lib.rs holds docs, modules and re-exports; move the function to a module";
                    faults.push(Fault::new(path, number, "size", message));
                }
            }
        }
    }
    for (path, _) in LONG.iter().filter(|(path, _)| !tree.has(path)) {
        faults.push(Fault::new(path, 1, "size", "is listed as long and does not exist"));
    }
    faults
}

fn code_lines(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let body = "let x = 1;\n".repeat(600);
        let padded = format!("//! Docs.\n\n// why\n{body}\n#[cfg(test)]\nmod tests {{\n{body}}}\n");
        assert_eq!(check(&Tree::of(&[("a.rs", &padded)])), []);
        let faults = check(&Tree::of(&[("a.rs", &format!("let y = 2;\n{padded}"))]));
        assert!(faults[0].message.starts_with("601 code lines"), "{faults:?}");
    }

    #[test]
    fn lib_holds_no_functions() {
        let lib = "//! Docs of fn f.\nmod a;\npub const fn two() -> u8 {\n    2\n}\n";
        let faults = check(&Tree::of(&[("crates/a/src/lib.rs", lib), ("crates/a/src/a.rs", lib)]));
        assert_eq!(
            faults.iter().map(|f| (f.path.as_str(), f.line)).collect::<Vec<_>>(),
            [("crates/a/src/lib.rs", 3)]
        );
    }
}
