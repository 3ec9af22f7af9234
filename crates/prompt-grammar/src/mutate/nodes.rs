//! Operators on single nodes and subtrees.

use meta_traits::Stream;

use super::Mutator;
use crate::grammar::{Body, Production};
use crate::tree::{Branch, Tree};

/// Nodes looked at before an operator gives up.
const LOOKS: usize = 16;

impl Mutator<'_> {
    /// Picks of a node that keep its children, other than the present one, with their weights.
    fn alternatives(&self, tree: &Tree, node: usize) -> (Vec<u32>, Vec<f64>) {
        let at = &tree.nodes()[node];
        let weights: Vec<(u32, f64)> = match self.grammar.rule(at.rule).map(|r| &r.body) {
            Some(Body::Choice(productions)) => {
                let Some(present) = productions.get(at.pick as usize) else { return Default::default() };
                let fits = |p: &Production| {
                    p.rules().eq(present.rules())
                        && p.when.as_ref().is_none_or(|g| g.holds(tree.attributes()))
                };
                (0..).zip(productions).filter(|(_, p)| fits(p)).map(|(i, p)| (i, p.weight)).collect()
            }
            Some(Body::Hole(hole)) if !hole.protected => {
                (0..).zip(&hole.fills).map(|(i, f)| (i, f.weight)).collect()
            }
            _ => Vec::new(),
        };
        weights.into_iter().filter(|(i, w)| *i != at.pick && *w > 0.0).unzip()
    }

    pub(super) fn point(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        for _ in 0..LOOKS {
            let node = rng.below(tree.nodes().len());
            let (picks, weights) = self.alternatives(tree, node);
            if let Some(i) = rng.weighted(&weights) {
                let mut child = tree.clone();
                child.pick(node, picks[i]);
                return Some(child);
            }
        }
        None
    }

    pub(super) fn refill(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let hole = |node: &usize| {
            let rule = self.grammar.rule(tree.nodes()[*node].rule);
            rule.is_some_and(|r| matches!(&r.body, Body::Hole(h) if !h.protected && h.fills.len() > 1))
        };
        let holes: Vec<usize> = (0..tree.nodes().len()).filter(hole).collect();
        let node = *rng.pick(&holes)?;
        let (picks, weights) = self.alternatives(tree, node);
        let mut child = tree.clone();
        child.pick(node, picks[rng.weighted(&weights)?]);
        Some(child)
    }

    pub(super) fn regrow(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        // The whole tree drawn anew would be no small change.
        let node = if tree.nodes().len() > 1 { 1 + rng.below(tree.nodes().len() - 1) } else { 0 };
        let rule = tree.nodes()[node].rule;
        let room = self.room(tree, node);
        // Half the time no deeper than what stands there, so that trees do not creep upwards.
        let least = self.grammar.least_depth(rule, tree.attributes());
        let depth = if rng.chance(0.5) { tree.depth_at(node).max(least).min(room) } else { room };
        let branch = self.fitting(node, tree, rng).or_else(|| self.grown(rule, tree, depth, rng))?;
        let mut child = tree.clone();
        child.replace(node, &branch);
        Some(child)
    }

    /// A subtree for the place of `node` within what the rest of the text leaves of the budget.
    fn fitting(&self, node: usize, tree: &Tree, rng: &mut Stream) -> Option<Branch> {
        let (sampler, (tokens, most)) = (self.budget?, self.limits.length?);
        let (text, spans) = tree.spans(self.grammar);
        let span = spans.get(node)?.clone();
        let rest = tokens.count(&text[..span.start]) + tokens.count(&text[span.end..]);
        let (rule, room) = (tree.nodes()[node].rule, most.saturating_sub(rest));
        let nodes = sampler.regrow(self.grammar, rule, tree.attributes(), room, rng)?;
        Some(Branch { nodes, texts: std::collections::BTreeMap::new() })
    }

    pub(super) fn grown(
        &self,
        rule: crate::grammar::RuleId,
        tree: &Tree,
        depth: u32,
        rng: &mut Stream,
    ) -> Option<Branch> {
        let nodes = self.sampler.regrow(rule, tree.attributes(), depth, rng).ok()?;
        Some(Branch { nodes, texts: std::collections::BTreeMap::new() })
    }

    pub(super) fn crossover(&self, tree: &Tree, mate: &Tree, rng: &mut Stream) -> Option<Tree> {
        for _ in 0..LOOKS {
            let node = rng.below(tree.nodes().len());
            let rule = tree.nodes()[node].rule;
            let room = self.room(tree, node);
            let donors: Vec<usize> =
                (0..mate.nodes().len()).filter(|d| mate.nodes()[*d].rule == rule).collect();
            let Some(donor) = rng.pick(&donors) else { continue };
            if (node == 0 && *donor == 0) || mate.depth_at(*donor) > room {
                continue;
            }
            let mut child = tree.clone();
            child.replace(node, &mate.branch(*donor));
            return Some(child);
        }
        None
    }

    pub(super) fn wrap(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        if !self.grammar.is_recursive() {
            return None;
        }
        for _ in 0..LOOKS {
            let node = rng.below(tree.nodes().len());
            let rule = tree.nodes()[node].rule;
            let room = self.room(tree, node).min(6);
            let Some(mut branch) = self.grown(rule, tree, room, rng) else { continue };
            let seats: Vec<usize> =
                (1..branch.nodes.len()).filter(|s| branch.nodes[*s].rule == rule).collect();
            let Some(seat) = rng.pick(&seats) else { continue };
            let mut host = Tree {
                attributes: tree.attributes().to_vec(),
                next: branch.nodes.len() as u32,
                nodes: std::mem::take(&mut branch.nodes),
                texts: std::collections::BTreeMap::new(),
            };
            host.replace(*seat, &tree.branch(node));
            let mut child = tree.clone();
            child.replace(node, &host.branch(0));
            return Some(child);
        }
        None
    }

    pub(super) fn duplicate(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        for _ in 0..LOOKS {
            let (from, to) = (rng.below(tree.nodes().len()), rng.below(tree.nodes().len()));
            let apart = !tree.subtree(from).contains(&to) && !tree.subtree(to).contains(&from);
            if !apart || tree.nodes()[from].rule != tree.nodes()[to].rule {
                continue;
            }
            let mut child = tree.clone();
            child.replace(to, &tree.branch(from));
            let (picks, weights) = self.alternatives(&child, to);
            if let Some(i) = rng.weighted(&weights) {
                child.pick(to, picks[i]);
            }
            return Some(child);
        }
        None
    }
}

/// A random node with some descendants under its own rule, and those.
fn nested(tree: &Tree, rng: &mut Stream) -> Option<(usize, Vec<usize>)> {
    for _ in 0..LOOKS {
        let node = rng.below(tree.nodes().len());
        let rule = tree.nodes()[node].rule;
        let mut below = tree.subtree(node);
        below.start += 1;
        let same: Vec<usize> = below.filter(|d| tree.nodes()[*d].rule == rule).collect();
        if !same.is_empty() {
            return Some((node, same));
        }
    }
    None
}

pub(super) fn hoist(tree: &Tree, rng: &mut Stream) -> Option<Tree> {
    let (node, below) = nested(tree, rng)?;
    // The nearest ones lose least.
    let near = &below[..below.len().min(3)];
    let branch = tree.branch(*rng.pick(near)?);
    let mut child = tree.clone();
    child.replace(node, &branch);
    Some(child)
}
