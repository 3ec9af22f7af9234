//! Derivation trees: what a grammar wrote, rule by rule.

mod check;
mod diff;
mod edit;
mod render;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::grammar::{Body, Grammar, RuleId};

pub(crate) use self::check::arity;
pub use self::diff::Difference;
pub(crate) use self::edit::Branch;

/// One rule applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(RuleId, u32, u32, u32)", into = "(RuleId, u32, u32, u32)")]
#[non_exhaustive]
pub struct Node {
    /// The rule.
    pub rule: RuleId,
    /// A choice: the position of the production. A hole: that of the fill, or [`Tree::WRITTEN`]. An arrangement: how
    /// many members are present.
    pub pick: u32,
    /// Nodes of the subtree, this one included.
    pub size: u32,
    /// Names this component for as long as it lives, whatever happens around it; unique in its tree.
    pub id: u32,
}

impl From<(RuleId, u32, u32, u32)> for Node {
    fn from((rule, pick, size, id): (RuleId, u32, u32, u32)) -> Self {
        Self { rule, pick, size, id }
    }
}

impl From<Node> for (RuleId, u32, u32, u32) {
    fn from(node: Node) -> Self {
        (node.rule, node.pick, node.size, node.id)
    }
}

/// A derivation: the values of the attributes, and the nodes in preorder.
///
/// Node 0 applies the start rule; the subtree of node `i` is `i .. i + size`. Two trees that differ in their ids alone
/// write the same text and have the same [`Tree::fingerprint`].
///
/// ```
/// use prompt_grammar::{Grammar, Sampler};
/// use meta_traits::Stream;
/// let grammar = Grammar::from_bnf("<s> ::= <n> '+' <n>  <n> ::= 1 | 2")?;
/// let tree = Sampler::new(&grammar).sample(&mut Stream::root(1), 8)?;
/// assert_eq!(tree.nodes().len(), 3);
/// assert_eq!(tree.children(0).collect::<Vec<_>>(), [1, 2]);
/// tree.check(&grammar)?;
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub(crate) attributes: Vec<u32>,
    pub(crate) nodes: Vec<Node>,
    /// Texts of holes that are no fill of the grammar, by component.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) texts: BTreeMap<u32, String>,
    /// The id that the next component gets.
    pub(crate) next: u32,
}

impl Tree {
    /// The pick of a hole whose text stands in the tree.
    pub const WRITTEN: u32 = u32::MAX;

    /// The values of the attributes, by position.
    pub fn attributes(&self) -> &[u32] {
        &self.attributes
    }

    /// All nodes in preorder.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The position of a component, if it still lives. O(n).
    pub fn position(&self, id: u32) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// Positions of the subtree at `node`.
    pub fn subtree(&self, node: usize) -> Range<usize> {
        node..node + self.nodes.get(node).map_or(0, |n| n.size as usize)
    }

    /// Positions of the children of `node`, in order.
    pub fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.subtree(node).end;
        let within = move |at: &usize| *at < end;
        let next = move |at: &usize| Some(at + self.nodes[*at].size.max(1) as usize).filter(within);
        std::iter::successors(Some(node + 1).filter(within), next)
    }

    /// The parent of `node`; none for the root. O(depth x children).
    pub fn parent(&self, node: usize) -> Option<usize> {
        self.ancestors(node).last()
    }

    /// The nodes above `node`, from the root down.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let above = move |at: usize| (at < node).then_some(at);
        let step =
            move |at: &usize| self.children(*at).find(|c| self.subtree(*c).contains(&node)).and_then(above);
        std::iter::successors(above(0), step)
    }

    /// Levels of the tree; 1 for a single node, 0 for none. O(n).
    pub fn depth(&self) -> u32 {
        self.depth_at(0)
    }

    /// Levels of the subtree at `node`.
    pub fn depth_at(&self, node: usize) -> u32 {
        let mut ends: Vec<usize> = Vec::new();
        let mut deepest = 0;
        for at in self.subtree(node) {
            while ends.last().is_some_and(|end| *end <= at) {
                ends.pop();
            }
            ends.push(self.subtree(at).end);
            deepest = deepest.max(ends.len() as u32);
        }
        deepest
    }

    /// The text of a hole: a fill of the grammar, or what was written into the tree; none where `node` is no hole.
    pub fn fill<'a>(&'a self, node: usize, grammar: &'a Grammar) -> Option<&'a str> {
        let node = self.nodes.get(node)?;
        let Body::Hole(hole) = &grammar.rule(node.rule)?.body else { return None };
        if node.pick == Self::WRITTEN {
            return self.texts.get(&node.id).map(String::as_str);
        }
        hole.fills.get(node.pick as usize).map(|fill| fill.text.as_str())
    }

    /// A number that is the same for trees that differ at most in their ids (FNV-1a over all the rest).
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for value in &self.attributes {
            add(&value.to_le_bytes());
        }
        for node in &self.nodes {
            add(&node.rule.0.to_le_bytes());
            add(&node.pick.to_le_bytes());
            if let Some(text) = self.texts.get(&node.id) {
                add(&(text.len() as u64).to_le_bytes());
                add(text.as_bytes());
            }
        }
        hash
    }
}

/// Sets the sizes of nodes in preorder from the number of children of each; false where they form no single tree.
pub(crate) fn set_sizes(nodes: &mut [Node], arity: impl Fn(&Node) -> usize) -> bool {
    // Positions of the roots of what stands behind, the nearest last.
    let mut roots: Vec<usize> = Vec::with_capacity(16);
    for at in (0..nodes.len()).rev() {
        let n = arity(&nodes[at]);
        if n > roots.len() {
            return false;
        }
        let below: u32 = roots.drain(roots.len() - n..).map(|child| nodes[child].size).sum();
        nodes[at].size = 1 + below;
        roots.push(at);
    }
    roots.len() == 1
}
