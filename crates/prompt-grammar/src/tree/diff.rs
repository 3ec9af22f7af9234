use super::Tree;
use crate::grammar::{Body, Grammar};

/// One difference between two trees of one grammar. Paths are names of rules from below the root down, joined by `/`;
/// where a production uses a rule twice, `#2` marks the second use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Difference {
    /// An attribute has another value.
    Attribute {
        /// The attribute.
        name: String,
        /// Its value in the first tree.
        old: String,
        /// Its value in the second.
        new: String,
    },
    /// A rule or hole is written differently.
    Changed {
        /// Where.
        path: String,
        /// What the first tree writes there.
        old: String,
        /// What the second writes there.
        new: String,
    },
    /// A member of an arrangement is in the second tree alone.
    Added {
        /// Where.
        path: String,
        /// What it writes.
        new: String,
    },
    /// A member of an arrangement is in the first tree alone.
    Dropped {
        /// Where.
        path: String,
        /// What it wrote.
        old: String,
    },
    /// The members that both have are in another order.
    Moved {
        /// The arrangement.
        path: String,
    },
}

impl Tree {
    /// What it takes to make `other` of this tree, from the top down. Both must be trees of `grammar`.
    pub fn diff(&self, other: &Self, grammar: &Grammar) -> Vec<Difference> {
        let mut out = Vec::new();
        for (i, attribute) in grammar.attributes().iter().enumerate() {
            let value = |tree: &Self| tree.attributes.get(i).copied().unwrap_or(0) as usize;
            let name = |value: usize| attribute.values.get(value).map_or(String::new(), |v| v.name.clone());
            if value(self) != value(other) {
                let (old, new) = (name(value(self)), name(value(other)));
                out.push(Difference::Attribute { name: attribute.name.clone(), old, new });
            }
        }
        let (old, old_spans) = self.spans(grammar);
        let (new, new_spans) = other.spans(grammar);
        let mut todo = vec![(0, 0, String::new())];
        while let Some((a, b, path)) = todo.pop() {
            let (Some(x), Some(y)) = (self.nodes.get(a), other.nodes.get(b)) else { continue };
            let (was, is) = (old[old_spans[a].clone()].to_string(), new[new_spans[b].clone()].to_string());
            let arrange = grammar.rule(x.rule).is_some_and(|r| matches!(r.body, Body::Arrange(_)));
            if x.rule != y.rule
                || (!arrange && x.pick != y.pick)
                || (x.size == 1 && y.size == 1 && was != is && !arrange)
            {
                // Under another attribute the same production may write another text; that is no difference.
                if x.pick != y.pick || x.rule != y.rule || x.pick == Self::WRITTEN {
                    out.push(Difference::Changed { path, old: was, new: is });
                }
                continue;
            }
            let name = |tree: &Self, at: usize| {
                grammar.rule(tree.nodes[at].rule).map_or(String::new(), |r| r.name.clone())
            };
            let below =
                |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            let (ours, theirs): (Vec<usize>, Vec<usize>) =
                (self.children(a).collect(), other.children(b).collect());
            if !arrange {
                let mut seen: Vec<String> = Vec::new();
                for (c, d) in ours.into_iter().zip(theirs) {
                    let name = name(self, c);
                    seen.push(name.clone());
                    let n = seen.iter().filter(|s| **s == name).count();
                    let mark = if n > 1 { format!("{name}#{n}") } else { name };
                    todo.push((c, d, below(&mark)));
                }
                continue;
            }
            let rule_of = |tree: &Self, at: usize| tree.nodes[at].rule;
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for c in &ours {
                if let Some(d) = theirs.iter().find(|d| rule_of(other, **d) == rule_of(self, *c)) {
                    left.push(rule_of(self, *c));
                    todo.push((*c, *d, below(&name(self, *c))));
                } else {
                    let text = old[old_spans[*c].clone()].to_string();
                    out.push(Difference::Dropped { path: below(&name(self, *c)), old: text });
                }
            }
            for d in &theirs {
                if ours.iter().any(|c| rule_of(self, *c) == rule_of(other, *d)) {
                    right.push(rule_of(other, *d));
                } else {
                    let text = new[new_spans[*d].clone()].to_string();
                    out.push(Difference::Added { path: below(&name(other, *d)), new: text });
                }
            }
            if left != right {
                out.push(Difference::Moved { path });
            }
        }
        out
    }
}
