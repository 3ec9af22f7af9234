use super::Fault;
use super::tree::Tree;

/// Crates whose types are implementation details.
const FOREIGN: [&str; 6] = ["nalgebra", "candle_core", "candle_nn", "argmin", "petgraph", "reqwest"];

/// The one view that may show a graph type.
const VIEW: &str = "fn as_graph";

/// No public item of a library names a type of a numeric, graph or network crate.
///
/// Looks at the text of items that begin with `pub ` (which the lint `unreachable_pub` keeps to what is reachable): for
/// paths into those crates, and for names imported from them by `use` in the same file.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let sources =
        tree.ending(".rs").filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/"));
    for (path, text) in sources {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let names = imported(text);
        for (line, item) in public_items(text) {
            if item.contains(VIEW) {
                continue;
            }
            let item = without_private_fields(item);
            let word = words(&item).find(|word| FOREIGN.contains(word) || names.contains(word));
            if let Some(word) = word {
                let message =
                    format!("'{word}' is a foreign type in a public item; wrap it or keep it inside");
                faults.push(Fault::new(path, line, "foreign", message));
            }
        }
    }
    faults
}

/// The names that `use` lines bring in from foreign crates.
fn imported(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let statement = text[at + 4..].split(';').next().unwrap_or_default();
        let from =
            statement.trim_start_matches("::").split(|c: char| !is_wordly(c)).next().unwrap_or_default();
        if FOREIGN.contains(&from) {
            names.extend(words(statement).filter(|w| w.starts_with(|c: char| c.is_ascii_uppercase())));
        }
    }
    names
}

/// Public items with their lines: signatures up to their body, fields up to their end, enums and traits whole.
fn public_items(text: &str) -> Vec<(usize, String)> {
    let mut items = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if !code.starts_with("pub ") || code.starts_with("pub mod ") {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let whole = code.starts_with("pub enum ") || code.starts_with("pub trait ");
        let mut item = String::new();
        for next in &lines[at..] {
            let next_code = next.trim_start();
            if !next_code.starts_with("//") {
                item.push_str(next_code);
                item.push(' ');
            }
            let over = if whole {
                next.strip_prefix(indent).is_some_and(|rest| rest.starts_with('}')) || next.ends_with("{}")
            } else {
                next.trim_end().ends_with(['{', ';', '}'])
                    || (!code.contains("fn ") && next.trim_end().ends_with(','))
            };
            if over {
                break;
            }
        }
        items.push((at + 1, item));
    }
    items
}

/// A tuple struct without the fields that are not public.
fn without_private_fields(item: String) -> String {
    match item.split_once('(') {
        Some((name, fields)) if item.starts_with("pub struct ") && !fields.contains("pub ") => {
            name.to_string()
        }
        _ => item,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_wordly(c)).filter(|word| !word.is_empty())
}

fn is_wordly(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_source(text: &str, lines: &[usize]) {
        let faults = check(&Tree::of(&[("crates/a/src/b.rs", text)]));
        assert_eq!(faults.iter().map(|f| f.line).collect::<Vec<_>>(), lines, "{faults:?}");
    }

    #[test]
    fn public_items_show_no_foreign_type() {
        check_source("pub fn solve(a: &nalgebra::DMatrix<f64>) -> f64 {\n}\n", &[1]);
        check_source(
            "use candle_core::{Device, Tensor};\npub fn run(\n    x: &Tensor,\n) -> f64 {\n}\n",
            &[2],
        );
        check_source("use reqwest::Client;\npub struct A {\n    pub client: Client,\n}\n", &[3]);
        check_source("pub enum E {\n    Http(reqwest::Error),\n}\n", &[1]);
        check_source("pub use petgraph::Graph;\n", &[1]);
        check_source("pub struct A(pub nalgebra::DVector<f64>);\n", &[1]);
    }

    #[test]
    fn inner_items_and_the_graph_view_may() {
        check_source("use reqwest::header::HeaderName;\npub struct A(Vec<HeaderName>);\n", &[]);
        check_source("use candle_core::Tensor;\npub(crate) fn run(x: &Tensor) {\n}\n", &[]);
        check_source("pub fn as_graph(&self) -> petgraph::Graph<u8, u8> {\n}\n", &[]);
        check_source("pub fn f() {\n    let x = nalgebra::zero();\n}\n", &[]);
        check_source(
            "/// Uses nalgebra inside.\npub struct A {\n    inner: nalgebra::DMatrix<f64>,\n}\n",
            &[],
        );
        check_source("#[cfg(test)]\npub fn f(x: nalgebra::X) {\n}\n", &[]);
    }
}
