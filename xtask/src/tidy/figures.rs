//! Measured figures in documents have their raw rows in the repository.
//!
//! A line of README.md, CHANGELOG.md or docs/ that holds a percentage (`31 %`) or a ratio (`2.5x`) must hold a link
//! into `benches/results/<folder>/` too, and that folder must hold `command.txt`. A line whose figure is no measurement
//! (a nominal level, a setting) says so by `<!-- not measured -->`. Fenced code is not looked at.

use super::Fault;
use super::tree::Tree;

const RESULTS: &str = "benches/results/";
const EXCUSE: &str = "<!-- not measured -->";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let documents = tree.ending(".md").filter(|(path, _)| {
        matches!(*path, "README.md" | "CHANGELOG.md")
            || path.starts_with("docs/")
            || path.ends_with("/README.md")
    });
    for (path, text) in documents {
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let folders: Vec<&str> = links(line).collect();
            for folder in &folders {
                let command = format!("{RESULTS}{folder}/command.txt");
                if !tree.has(&command) {
                    faults.push(Fault::new(path, number, "figures", format!("{command} does not exist")));
                }
            }
            if !fenced && folders.is_empty() && !line.contains(EXCUSE) && has_figure(line) {
                let message =
                    format!("holds a figure without a link into {RESULTS}; link it or add '{EXCUSE}'");
                faults.push(Fault::new(path, number, "figures", message));
            }
        }
    }
    faults
}

/// The folders that the links of `line` lead to.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        let (_, below) = target.split_once(RESULTS)?;
        Some(below.split('/').next().unwrap_or_default())
    })
}

/// A number before `%` or before an `x` that ends a word.
fn has_figure(line: &str) -> bool {
    let chars: Vec<char> = line.chars().collect();
    chars.iter().enumerate().any(|(at, c)| match c {
        '%' => chars[..at].iter().rev().find(|c| **c != ' ').is_some_and(char::is_ascii_digit),
        'x' | '\u{d7}' => {
            let after = chars.get(at + 1);
            let number = chars[..at].iter().rev().take_while(|c| c.is_ascii_digit() || **c == '.').count();
            let before = chars[..at - number].last();
            number > 0
                && chars[at - 1] != '.'
                && !before.is_some_and(|c| c.is_alphanumeric() || *c == '_')
                && !after.is_some_and(|c| c.is_alphanumeric() || *c == '_')
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, faults: usize) {
        let tree = Tree::of(&[("docs/a.md", line), ("benches/results/2026-01-02-cab/command.txt", "run")]);
        assert_eq!(check(&tree).len(), faults, "{line}");
    }

    #[test]
    fn figures_need_links_that_lead_somewhere() {
        check_line("Fewer calls by 31 %.", 1);
        check_line("Fewer calls, 2.5x.", 1);
        check_line("Between 4-16x fewer.", 1);
        check_line("Fewer calls by 31 % ([rows](../benches/results/2026-01-02-cab/rows.csv)).", 0);
        check_line("Fewer calls by 31 % ([rows](../benches/results/2026-01-03-cab/rows.csv)).", 1);
        check_line("See [rows](../benches/results/none/).", 1);
    }

    #[test]
    fn other_numbers_pass() {
        check_line("A 90 % interval is nominal. <!-- not measured -->", 0);
        check_line("The byte 0x1f, the matrix 3x3, the name a2x and 100 examples; version 0.x.", 0);
        check_line("```\n50 % of the bar\n```", 0);
    }
}
