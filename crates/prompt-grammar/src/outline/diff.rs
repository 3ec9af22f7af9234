//! What two prompts differ in, section by section and component by component.

use serde::{Deserialize, Serialize};

use super::{Delimiters, SectionKind};
use crate::anatomy::{Anatomy, key};

/// One difference between two prompts. `section` is its title, or its kind's usual one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Sections are told apart in another way.
    Delimiters {
        /// In the first prompt.
        old: Delimiters,
        /// In the second.
        new: Delimiters,
    },
    /// A section is in the second prompt alone.
    AddedSection {
        /// The section.
        section: String,
        /// What it says.
        text: String,
    },
    /// A section is in the first prompt alone.
    DroppedSection {
        /// The section.
        section: String,
        /// What it said.
        text: String,
    },
    /// The sections that both have are in another order.
    Moved {
        /// Their order in the first prompt.
        old: Vec<String>,
        /// Their order in the second.
        new: Vec<String>,
    },
    /// A section has another title.
    Renamed {
        /// The title in the first prompt.
        old: String,
        /// The title in the second.
        new: String,
    },
    /// A component is in the second prompt alone.
    Added {
        /// Its section.
        section: String,
        /// What it says.
        text: String,
    },
    /// A component is in the first prompt alone.
    Dropped {
        /// Its section.
        section: String,
        /// What it said.
        text: String,
    },
    /// The components that both have are in another order.
    Reordered {
        /// Their section.
        section: String,
    },
}

/// A section with its components.
struct Part<'a> {
    kind: SectionKind,
    /// How many sections of this kind stand before it.
    nth: usize,
    name: String,
    body: &'a str,
    components: Vec<String>,
}

/// What it takes to make the second prompt of the first: delimiters, then sections, then components. White space alone
/// makes no difference. Sections are the same where their kind is and their place among those of the kind.
///
/// ```
/// use prompt_grammar::outline::{Change, changes};
/// let old = "## Task\nSort {{ x }}.\n\n## Rules\n- Be brief.\n";
/// let new = "## Role\nYou are a clerk.\n\n## Task\nSort {{ x }}.\n\n## Rules\n- Be brief.\n- Never guess.\n";
/// let found = changes(old, new);
/// assert_eq!(found.len(), 2);
/// assert!(matches!(&found[1], Change::Added { section, text } if section == "Rules" && text == "Never guess."));
/// ```
pub fn changes(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (Anatomy::of(old), Anatomy::of(new));
    let mut out = Vec::new();
    let (was, is) = (old.outline().delimiters(), new.outline().delimiters());
    if was != is {
        out.push(Change::Delimiters { old: was, new: is });
    }
    let (before, after) = (parts(&old), parts(&new));
    let same = |a: &Part<'_>, b: &Part<'_>| a.kind == b.kind && a.nth == b.nth;
    for part in before.iter().filter(|a| !after.iter().any(|b| same(a, b))) {
        out.push(Change::DroppedSection { section: part.name.clone(), text: part.body.to_string() });
    }
    for part in after.iter().filter(|b| !before.iter().any(|a| same(a, b))) {
        out.push(Change::AddedSection { section: part.name.clone(), text: part.body.to_string() });
    }
    let pairs: Vec<(&Part<'_>, &Part<'_>)> =
        before.iter().filter_map(|a| Some((a, after.iter().find(|b| same(a, b))?))).collect();
    let theirs =
        after.iter().filter_map(|b| pairs.iter().find(|(a, _)| same(a, b)).map(|(a, _)| a.name.clone()));
    let (first, second): (Vec<String>, Vec<String>) =
        (pairs.iter().map(|(a, _)| a.name.clone()).collect(), theirs.collect());
    if first != second {
        out.push(Change::Moved { old: first, new: second });
    }
    for (a, b) in pairs {
        if a.name != b.name {
            out.push(Change::Renamed { old: a.name.clone(), new: b.name.clone() });
        }
        inside(a, b, &mut out);
    }
    out
}

fn parts(anatomy: &Anatomy) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = Vec::new();
    for section in anatomy.outline().sections() {
        let nth = out.iter().filter(|p| p.kind == section.kind).count();
        let name = if section.title.is_empty() { section.kind.title() } else { &section.title };
        out.push(Part {
            kind: section.kind,
            nth,
            name: name.into(),
            body: &section.body,
            components: Vec::new(),
        });
    }
    for component in anatomy.components() {
        out[component.section].components.push(key(anatomy.text_of(component)));
    }
    out
}

fn inside(a: &Part<'_>, b: &Part<'_>, out: &mut Vec<Change>) {
    let section = || b.name.clone();
    let (gone, left) = without(&a.components, &b.components);
    let (new, right) = without(&b.components, &a.components);
    out.extend(gone.into_iter().map(|text| Change::Dropped { section: section(), text }));
    out.extend(new.into_iter().map(|text| Change::Added { section: section(), text }));
    if left != right {
        out.push(Change::Reordered { section: section() });
    }
}

/// The members of a list that another lacks, with repeats, and the others.
fn without(list: &[String], other: &[String]) -> (Vec<String>, Vec<String>) {
    let mut counts = std::collections::BTreeMap::new();
    for text in other {
        *counts.entry(text).or_insert(0_usize) += 1;
    }
    let there = |text: &&String| match counts.get_mut(*text) {
        Some(n) if *n > 0 => {
            *n -= 1;
            true
        }
        _ => false,
    };
    let (kept, gone): (Vec<&String>, Vec<&String>) = list.iter().partition(there);
    (gone.into_iter().cloned().collect(), kept.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_of_change_is_found() {
        let old = "# Role\nclerk\n# Rules\n- a\n- b\n- c\n# Task\nDo it.\n";
        assert_eq!(changes(old, old), []);
        assert_eq!(changes(old, &old.replace("- a\n- b", "- a\n-   b")), []);
        let new =
            "<task>\nDo it.\n</task>\n<constraints>\n- b\n- a\n- d\n</constraints>\n<notes>\nx\n</notes>";
        let found = changes(old, new);
        let (s, t) = (|s: &str| s.to_string(), |s: &str| s.to_string());
        assert_eq!(
            found,
            [
                Change::Delimiters { old: Delimiters::Headings, new: Delimiters::Tags },
                Change::DroppedSection { section: s("Role"), text: t("clerk") },
                Change::AddedSection { section: s("notes"), text: t("x") },
                Change::Moved { old: vec![s("Rules"), s("Task")], new: vec![s("Task"), s("Rules")] },
                Change::Renamed { old: s("Rules"), new: s("constraints") },
                Change::Dropped { section: s("constraints"), text: t("c") },
                Change::Added { section: s("constraints"), text: t("d") },
                Change::Reordered { section: s("constraints") },
                Change::Renamed { old: s("Task"), new: s("task") },
            ]
        );
    }
}
