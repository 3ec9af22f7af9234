use super::Fault;
use super::tree::Tree;

const HEADINGS: [&str; 4] = ["## Context", "## Decision", "## Price", "## Evidence"];

/// Records of decisions are numbered from 1 without gaps and say context, decision, price and evidence, in order.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let records =
        tree.ending(".md").filter_map(|(path, text)| Some((path, path.strip_prefix("docs/adr/")?, text)));
    for (expected, (path, name, text)) in (1..).zip(records) {
        let number = name.split('-').next().filter(|n| n.len() == 4).and_then(|n| n.parse::<usize>().ok());
        if number != Some(expected) {
            let message = format!("is the {expected}. record; name it {expected:04}-title.md");
            faults.push(Fault::new(path, 1, "adr", message));
        }
        let found: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        if found != HEADINGS {
            let message = format!("has the headings {found:?}; allowed: {HEADINGS:?}");
            faults.push(Fault::new(path, 1, "adr", message));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_numbered_and_complete() {
        let whole = "# A\n## Context\nx\n## Decision\nx\n## Price\nx\n## Evidence\nx\n";
        let good = [("docs/adr/0001-a.md", whole), ("docs/adr/0002-b.md", whole)];
        assert_eq!(check(&Tree::of(&good)), []);
        let gap = [("docs/adr/0001-a.md", whole), ("docs/adr/0003-b.md", whole)];
        assert_eq!(check(&Tree::of(&gap)).len(), 1);
        let short = [("docs/adr/0001-a.md", "# A\n## Context\n## Decision\n## Evidence\n")];
        assert!(check(&Tree::of(&short))[0].message.contains("Price"));
    }
}
