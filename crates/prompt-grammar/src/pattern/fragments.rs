use std::collections::{BTreeMap, BTreeSet};

use crate::grammar::{Body, Grammar, Part};
use crate::tree::Tree;

/// Nodes of a fragment that leaves something open.
const LARGEST: usize = 3;
/// Nodes of a fragment that is a whole subtree.
const WHOLE: usize = 64;
/// Children of a node that are looked at.
const WIDEST: usize = 32;
/// Characters of a name.
const NAME: usize = 80;

/// A fragment by its key, the number of a tree that has it, and its nodes there.
type Place = (Vec<u8>, usize, Vec<usize>);

/// Derivations as sets of items, for [`find`](super::find): the fragments of their trees.
///
/// A fragment is a rule with one of its productions and, for each of its children, either any text at all or a fragment:
/// connected, rooted anywhere and ordered, as in FREQT (Asai et al. 2002). Looked at are those of up to three nodes and
/// whole subtrees of up to 64. So a pattern can be a structure that no phrase shows, such as a list of two items whatever
/// they say.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::pattern::TreeItems;
/// use prompt_grammar::{Grammar, Sampler, Tree};
/// let grammar = Grammar::from_bnf("<s> ::= <tone> ' sort'   <tone> ::= kindly | <how> ' firmly'   <how> ::= very | quite")?;
/// let sampler = Sampler::new(&grammar);
/// let trees: Vec<Tree> = (0..40).map(|i| sampler.sample(&mut Stream::root(i), 9)).collect::<Result<_, _>>()?;
/// let items = TreeItems::new(&grammar, &trees.iter().collect::<Vec<_>>(), 4, 20);
/// let firm = grammar.parse("very firmly sort").unwrap().tree;
/// let has: Vec<&str> = items.of(&firm).into_iter().map(|i| items.names()[i as usize].as_str()).collect();
/// assert!(has.contains(&"s: <how> firmly sort"), "{has:?}");
/// assert!(has.iter().all(|name| !name.contains("kindly")));
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TreeItems {
    keys: Vec<Vec<u8>>,
    names: Vec<String>,
}

impl TreeItems {
    /// The fragments that at least `least` of the trees have and at least `least` lack, at most `most`, those nearest to
    /// half of the trees first. Of fragments that the same trees have, the largest is taken (it is closed). Trees of
    /// another grammar have names that mean nothing. Deterministic. O(nodes x children^2, log included).
    pub fn new(grammar: &Grammar, trees: &[&Tree], least: usize, most: usize) -> Self {
        let mut found: BTreeMap<Vec<u8>, (usize, Vec<usize>, BTreeSet<usize>)> = BTreeMap::new();
        for (i, tree) in trees.iter().enumerate() {
            for (key, nodes) in fragments(tree) {
                found.entry(key).or_insert((i, nodes, BTreeSet::new())).2.insert(i);
            }
        }
        let n = trees.len();
        let mut closed: BTreeMap<BTreeSet<usize>, Place> = BTreeMap::new();
        for (key, (tree, nodes, with)) in found {
            if with.len() >= least.max(1) && n - with.len() >= least {
                let larger = closed.get(&with).is_none_or(|(_, _, known)| nodes.len() > known.len());
                if larger {
                    closed.insert(with, (key, tree, nodes));
                }
            }
        }
        let mut kept: Vec<(usize, Place)> =
            closed.into_iter().map(|(with, of)| ((2 * with.len()).abs_diff(n), of)).collect();
        kept.sort();
        kept.truncate(most);
        let name = |(_, (_, tree, nodes)): &(usize, Place)| name(grammar, trees[*tree], nodes);
        Self {
            names: kept.iter().map(name).collect(),
            keys: kept.into_iter().map(|(_, (key, _, _))| key).collect(),
        }
    }

    /// The items' names in their order: the rule, and what the fragment writes, with `<rule>` for what it leaves open.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The items that a tree has, ascending.
    pub fn of(&self, tree: &Tree) -> Vec<u32> {
        let has = fragments(tree);
        (0..).zip(&self.keys).filter(|(_, key)| has.contains_key(*key)).map(|(i, _)| i).collect()
    }
}

/// All fragments of a tree: keys, and the nodes of the first place where each is.
fn fragments(tree: &Tree) -> BTreeMap<Vec<u8>, Vec<usize>> {
    let mut out = BTreeMap::new();
    let mut add = |nodes: Vec<usize>| {
        out.entry(key(tree, &nodes)).or_insert(nodes);
    };
    for root in 0..tree.nodes().len() {
        let size = tree.subtree(root).len();
        if (LARGEST + 1..=WHOLE).contains(&size) {
            add(tree.subtree(root).collect());
        }
        // Grown by nodes behind the last, so that every set comes up once.
        let mut level = vec![vec![root]];
        for _ in 1..LARGEST {
            let mut next: Vec<Vec<usize>> = Vec::new();
            for nodes in &level {
                let last = nodes.last().copied().unwrap_or(root);
                let children = nodes.iter().flat_map(|at| tree.children(*at).take(WIDEST));
                next.extend(
                    children.filter(|c| *c > last).map(|c| nodes.iter().copied().chain([c]).collect()),
                );
            }
            level.into_iter().for_each(&mut add);
            level = next;
        }
        level.into_iter().for_each(&mut add);
    }
    out
}

/// What the nodes (ascending, the root first) say: rules, productions and written texts, and which children are open.
fn key(tree: &Tree, nodes: &[usize]) -> Vec<u8> {
    let mut key = Vec::with_capacity(10 * nodes.len());
    for at in nodes {
        let node = tree.nodes()[*at];
        key.extend(node.rule.0.to_le_bytes());
        key.extend(node.pick.to_le_bytes());
        if let Some(text) = tree.texts.get(&node.id) {
            key.extend((text.len() as u64).to_le_bytes());
            key.extend(text.as_bytes());
        }
        // Together with the rules, which children are in says how the nodes hang together.
        key.extend(tree.children(*at).map(|c| u8::from(nodes.binary_search(&c).is_ok())));
    }
    key
}

fn name(grammar: &Grammar, tree: &Tree, nodes: &[usize]) -> String {
    let Some(&root) = nodes.first() else { return String::new() };
    let mut text = String::new();
    write(grammar, tree, nodes, root, &mut text);
    let rule = rule_name(grammar, tree, root);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(NAME).collect();
    format!("{rule}: {line}")
}

fn rule_name<'a>(grammar: &'a Grammar, tree: &Tree, node: usize) -> &'a str {
    grammar.rule(tree.nodes()[node].rule).map_or("", |rule| rule.name.as_str())
}

/// Writes a node of a fragment. As deep as the fragment.
fn write(grammar: &Grammar, tree: &Tree, nodes: &[usize], at: usize, out: &mut String) {
    if nodes.binary_search(&at).is_err() {
        out.push('<');
        out.push_str(rule_name(grammar, tree, at));
        out.push('>');
        return;
    }
    let mut children = tree.children(at);
    match grammar.rule(tree.nodes()[at].rule).map(|rule| &rule.body) {
        Some(Body::Choice(productions)) => {
            let parts = productions.get(tree.nodes()[at].pick as usize).map_or(&[][..], |p| &p.parts);
            for part in parts {
                match part {
                    Part::Text(text) => out.push_str(text.under(tree.attributes())),
                    Part::Number => out.push('#'),
                    Part::Rule(_) => {
                        if let Some(child) = children.next() {
                            write(grammar, tree, nodes, child, out);
                        }
                    }
                }
            }
        }
        Some(Body::Hole(_)) => out.push_str(tree.fill(at, grammar).unwrap_or_default()),
        Some(Body::Arrange(_)) | None => {
            for (i, child) in children.enumerate() {
                out.push_str(if i > 0 { " .. " } else { "" });
                write(grammar, tree, nodes, child, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::{Evidence, Observed, PatternOptions, find};
    use super::*;
    use crate::Sampler;

    /// The words are the same in either structure: only the tree tells them apart.
    const GRAMMAR: &str = "<s> ::= <task> <list>   <task> ::= 'sort' | 'rank'
        <list> ::= <item> | <item> <item>   <item> ::= ' briefly' | ' twice' | ' calmly' | ' again'";

    fn sampled(n: u64) -> (Grammar, Vec<Tree>) {
        let grammar = Grammar::from_bnf(GRAMMAR).expect("sound");
        let sampler = Sampler::new(&grammar);
        let tree = |i| sampler.sample(&mut Stream::root(i), 9).expect("shallow");
        let trees = (0..n).map(tree).collect();
        (grammar, trees)
    }

    #[test]
    fn a_structure_that_helps_is_found() {
        let (grammar, trees) = sampled(100);
        let items = TreeItems::new(&grammar, &trees.iter().collect::<Vec<_>>(), 8, 60);
        let mut evidence = Evidence::new(items.names().to_vec());
        for (i, tree) in trees.iter().enumerate() {
            let long = tree.nodes().len() == 5;
            let mut rng = Stream::root(1).child("scores", i as u64);
            let level = if long { 0.8 } else { 0.3 };
            let scores = (0..8).map(|e| (e, f64::from(u8::from(rng.chance(level))))).collect();
            evidence.add(Observed { items: items.of(tree), scores, ..Observed::default() }).expect("sound");
        }
        let options = PatternOptions { largest: 1, permutations: 199, ..PatternOptions::default() };
        let found = find(&evidence, &options, &Stream::root(2)).expect("sound");
        let names: Vec<&str> = found.iter().map(|f| items.names()[f.items[0] as usize].as_str()).collect();
        // Two items and one item tell the same trees apart: either stands for both.
        assert!(names[0].contains("<item>"), "{names:?}");
    }

    #[test]
    fn every_connected_set_comes_up_once() {
        let grammar = Grammar::from_bnf("<s> ::= <a> <a>   <a> ::= x | <b>   <b> ::= y").expect("sound");
        let tree = grammar.parse("xy").expect("derivable").tree;
        // s, a, a, b: alone 4 (the two a differ), pairs 3, threes s-a-a and s-a-b, and the whole.
        let all = fragments(&tree);
        assert_eq!(all.len(), 4 + 3 + 2 + 1);
        assert!(all.values().all(|nodes| nodes.is_sorted()));
        let mut names: Vec<String> = all.values().map(|nodes| name(&grammar, &tree, nodes)).collect();
        names.sort();
        assert_eq!(
            names,
            [
                "a: <b>",
                "a: x",
                "a: y",
                "b: y",
                "s: <a><a>",
                "s: <a><b>",
                "s: <a>y",
                "s: x<a>",
                "s: x<b>",
                "s: xy"
            ]
        );
    }

    #[test]
    fn few_trees_have_no_items() {
        let (grammar, trees) = sampled(3);
        assert!(TreeItems::new(&grammar, &[], 1, 9).names().is_empty());
        let all = TreeItems::new(&grammar, &trees.iter().collect::<Vec<_>>(), 2, 9);
        assert!(all.names().is_empty() && all.of(&Tree::default()).is_empty());
    }
}
