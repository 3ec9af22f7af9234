//! Operators on arrangements and attributes.

use meta_traits::Stream;

use super::Mutator;
use crate::grammar::{Arrange, Body, RuleId};
use crate::tree::Tree;

impl Mutator<'_> {
    /// The arrangements of a tree that satisfy a condition on (their rule, number of members present).
    fn arrangements<'g>(
        &'g self,
        tree: &Tree,
        fits: impl Fn(&Arrange, usize) -> bool,
    ) -> Vec<(usize, &'g Arrange)> {
        let of = |(at, node): (usize, &crate::tree::Node)| match self.grammar.rule(node.rule).map(|r| &r.body)
        {
            Some(Body::Arrange(arrange)) if fits(arrange, node.pick as usize) => Some((at, arrange)),
            _ => None,
        };
        tree.nodes().iter().enumerate().filter_map(of).collect()
    }

    pub(super) fn shift(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let places = self.arrangements(tree, |_, n| n > 1);
        let (at, _) = *rng.pick(&places)?;
        let n = tree.children(at).count();
        let (from, to) = (rng.below(n), rng.below(n - 1));
        let mut order: Vec<usize> = (0..n).collect();
        let moved = order.remove(from);
        order.insert(if to >= from { to + 1 } else { to }, moved);
        let mut child = tree.clone();
        child.reorder(at, &order);
        Some(child)
    }

    pub(super) fn leave_out(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let places = self.arrangements(tree, |a, n| n > a.least);
        let (at, arrange) = *rng.pick(&places)?;
        let gone = optional(tree, at, arrange, rng)?;
        let mut child = tree.clone();
        child.remove(at, gone);
        Some(child)
    }

    pub(super) fn put_in(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let places = self.arrangements(tree, |a, n| n < a.most.min(a.members.len()));
        let (at, arrange) = *rng.pick(&places)?;
        let rule = absent(tree, at, arrange, rng)?;
        let branch = self.grown(rule, tree, self.room(tree, at).saturating_sub(1), rng)?;
        let seat = seat(tree, at, rng);
        let mut child = tree.clone();
        child.insert(at, seat, &branch);
        Some(child)
    }

    pub(super) fn swap(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let places = self.arrangements(tree, |a, n| n > 0 && n < a.members.len());
        let (at, arrange) = *rng.pick(&places)?;
        let gone = optional(tree, at, arrange, rng)?;
        let rule = absent(tree, at, arrange, rng)?;
        let branch = self.grown(rule, tree, self.room(tree, at).saturating_sub(1), rng)?;
        let mut child = tree.clone();
        child.remove(at, gone);
        child.insert(at, gone, &branch);
        Some(child)
    }

    /// Switches a value; what the new value forbids is drawn anew.
    pub(super) fn attribute(&self, tree: &Tree, rng: &mut Stream) -> Option<Tree> {
        let attributes = self.grammar.attributes();
        let which = rng.below(attributes.len());
        let old = *tree.attributes().get(which)? as usize;
        let mut weights: Vec<f64> = attributes.get(which)?.values.iter().map(|v| v.weight).collect();
        *weights.get_mut(old)? = 0.0;
        let mut child = tree.clone();
        child.attributes[which] = rng.weighted(&weights)? as u32;
        let mut at = 0;
        while at < child.nodes().len() {
            let node = child.nodes()[at];
            let forbidden = match self.grammar.rule(node.rule).map(|r| &r.body) {
                Some(Body::Choice(productions)) => productions
                    .get(node.pick as usize)
                    .and_then(|p| p.when.as_ref())
                    .is_some_and(|guard| !guard.holds(&child.attributes)),
                _ => false,
            };
            if forbidden {
                let branch = self.grown(node.rule, &child, self.room(&child, at), rng)?;
                child.replace(at, &branch);
            }
            at += 1;
        }
        Some(child)
    }
}

/// A member that is absent and may come, drawn by presence.
fn absent(tree: &Tree, at: usize, arrange: &Arrange, rng: &mut Stream) -> Option<RuleId> {
    let there: Vec<RuleId> = tree.children(at).map(|c| tree.nodes()[c].rule).collect();
    let away: Vec<_> = arrange.members.iter().filter(|m| !there.contains(&m.rule)).collect();
    let weights: Vec<f64> = away.iter().map(|m| m.presence).collect();
    rng.weighted(&weights).map(|i| away[i].rule)
}

/// A child that may go, uniformly.
fn optional(tree: &Tree, at: usize, arrange: &Arrange, rng: &mut Stream) -> Option<usize> {
    let free = |c: &usize| {
        let rule = tree.nodes()[*c].rule;
        arrange.members.iter().any(|m| m.rule == rule && m.presence < 1.0)
    };
    let children: Vec<usize> = tree.children(at).filter(free).collect();
    rng.pick(&children).copied()
}

/// The positions before which a new child of `at` may stand.
fn seat(tree: &Tree, at: usize, rng: &mut Stream) -> usize {
    let mut seats: Vec<usize> = tree.children(at).collect();
    seats.push(tree.subtree(at).end);
    seats[rng.below(seats.len())]
}
