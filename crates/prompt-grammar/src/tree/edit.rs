//! Changing trees. These keep sizes and ids in order; that the result follows its grammar is the caller's business.

use std::collections::BTreeMap;

use super::{Node, Tree};

/// A subtree taken out of a tree, with the texts of its holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) nodes: Vec<Node>,
    pub(crate) texts: BTreeMap<u32, String>,
}

impl Tree {
    /// A copy of the subtree at `node`.
    pub(crate) fn branch(&self, node: usize) -> Branch {
        let nodes = self.nodes[self.subtree(node)].to_vec();
        let of = |n: &Node| self.texts.get(&n.id).map(|text| (n.id, text.clone()));
        let texts = nodes.iter().filter_map(of).collect();
        Branch { nodes, texts }
    }

    /// Puts `branch` in the place of the subtree at `node`. Its root takes over the id of that place, the nodes below
    /// get new ones.
    pub(crate) fn replace(&mut self, node: usize, branch: &Branch) {
        let id = self.nodes[node].id;
        let parent = self.parent(node);
        let range = self.subtree(node);
        let placed = self.adopt(branch, Some(id));
        self.splice(parent, range.start, range.len(), &placed);
    }

    /// Puts `branch` before position `at`, as a child of the arrangement `parent`.
    pub(crate) fn insert(&mut self, parent: usize, at: usize, branch: &Branch) {
        let placed = self.adopt(branch, None);
        self.nodes[parent].pick += 1;
        self.splice(Some(parent), at, 0, &placed);
    }

    /// Takes the child at `node` out of the arrangement `parent`.
    pub(crate) fn remove(&mut self, parent: usize, node: usize) {
        self.nodes[parent].pick = self.nodes[parent].pick.saturating_sub(1);
        self.splice(Some(parent), node, self.nodes[node].size as usize, &[]);
    }

    /// Puts the children of `parent` in another order: the `i`-th becomes what was the `order[i]`-th.
    pub(crate) fn reorder(&mut self, parent: usize, order: &[usize]) {
        let ranges: Vec<_> = self.children(parent).map(|c| self.subtree(c)).collect();
        let nodes: Vec<Node> = order.iter().flat_map(|i| self.nodes[ranges[*i].clone()].to_vec()).collect();
        self.nodes[parent + 1..=parent + nodes.len()].copy_from_slice(&nodes);
    }

    /// Writes a text into the hole at `node`.
    pub(crate) fn write(&mut self, node: usize, text: String) {
        let node = &mut self.nodes[node];
        node.pick = Self::WRITTEN;
        self.texts.insert(node.id, text);
    }

    /// Sets the pick of a node to one with the same children.
    pub(crate) fn pick(&mut self, node: usize, pick: u32) {
        let node = &mut self.nodes[node];
        node.pick = pick;
        self.texts.remove(&node.id);
    }

    fn adopt(&mut self, branch: &Branch, root: Option<u32>) -> Vec<Node> {
        // The place's old text must go before the root takes over its id.
        if let Some(id) = root {
            self.texts.remove(&id);
        }
        let mut placed = branch.nodes.clone();
        for (i, node) in placed.iter_mut().enumerate() {
            let old = node.id;
            node.id = match root {
                Some(id) if i == 0 => id,
                _ => {
                    self.next += 1;
                    self.next - 1
                }
            };
            if let Some(text) = branch.texts.get(&old) {
                self.texts.insert(node.id, text.clone());
            }
        }
        placed
    }

    fn splice(&mut self, parent: Option<usize>, at: usize, removed: usize, placed: &[Node]) {
        if let Some(parent) = parent {
            let mut above: Vec<usize> = self.ancestors(parent).collect();
            above.push(parent);
            for node in above {
                let size = &mut self.nodes[node].size;
                *size = *size + placed.len() as u32 - removed as u32;
            }
        }
        let kept: Vec<u32> = placed.iter().map(|n| n.id).collect();
        let gone: Vec<u32> =
            self.nodes[at..at + removed].iter().map(|n| n.id).filter(|id| !kept.contains(id)).collect();
        for id in gone {
            self.texts.remove(&id);
        }
        self.nodes.splice(at..at + removed, placed.iter().copied());
    }
}
