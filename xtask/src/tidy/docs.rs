use super::Fault;
use super::tree::Tree;

/// Every crate root, example, test root and bench begins with a sentence on what it is.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let roots = tree.ending(".rs").filter(|(path, _)| is_root(path));
    roots
        .filter_map(|(path, text)| {
            let first = text.lines().next().unwrap_or_default();
            let sentence = first.strip_prefix("//! ").unwrap_or_default();
            let message = if sentence.is_empty() {
                "has no crate docs; begin with '//! ' and a full sentence"
            } else if sentence.starts_with("Placeholder") {
                "has placeholder docs; say what the crate is"
            } else {
                return None;
            };
            Some(Fault::new(path, 1, "docs", message))
        })
        .collect()
}

fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let in_folder = |folder: &str| parts.len() >= 2 && parts[parts.len() - 2] == folder;
    path.ends_with("src/lib.rs")
        || path.ends_with("src/main.rs")
        || path.ends_with("tests/it/main.rs")
        || (in_folder("examples") && path.starts_with("crates/"))
        || (in_folder("benches") && path.starts_with("crates/"))
        || in_folder("bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_need_a_sentence() {
        let files = [
            ("crates/a/src/lib.rs", "//! Does a thing.\n"),
            ("crates/b/src/lib.rs", "mod c;\n"),
            ("crates/c/src/lib.rs", "//! Placeholder.\n"),
            ("crates/c/src/other.rs", "fn f() {}\n"),
            ("crates/c/examples/one.rs", "fn main() {}\n"),
            ("benches/src/bin/cab.rs", "fn main() {}\n"),
        ];
        let paths: Vec<String> = check(&Tree::of(&files)).into_iter().map(|f| f.path).collect();
        assert_eq!(
            paths,
            [
                "benches/src/bin/cab.rs",
                "crates/b/src/lib.rs",
                "crates/c/examples/one.rs",
                "crates/c/src/lib.rs"
            ]
        );
    }
}
