//! Joining several derivations into one.

use crate::grammar::{Arrange, Body, Grammar, RuleId};
use crate::tree::Tree;

/// The components of the best parents in one tree.
///
/// `value(parent, None)` says how good a parent is as a whole: the best gives attributes, order and all that is no
/// member of its topmost arrangement. `value(parent, Some(rule))` says how good it is in one member of that arrangement,
/// being absent included: the member is written as the best parent writes it, or left out where that parent does. Of
/// equals the whole's parent wins, then the first. What its grammar does not allow (a member that the arrangement needs,
/// or one that the attributes forbid) stays as the whole's parent has it. None without parents. Higher values are
/// better; NaN is the worst.
///
/// With posterior means of components for values this is the merge of several lineages at once.
pub fn merge(
    grammar: &Grammar,
    parents: &[&Tree],
    value: impl Fn(usize, Option<RuleId>) -> f64,
) -> Option<Tree> {
    let best = |of: Option<RuleId>, start: usize| {
        let better = |best: usize, parent: usize| {
            let (old, new) = (value(best, of), value(parent, of));
            if new > old || (old.is_nan() && !new.is_nan()) { parent } else { best }
        };
        (0..parents.len()).fold(start, better)
    };
    if parents.is_empty() {
        return None;
    }
    let whole = best(None, 0);
    let mut child = parents[whole].clone();
    let Some((top, arrange)) = topmost(grammar, &child) else { return Some(child) };
    let rule = child.nodes()[top].rule;
    for member in &arrange.members {
        let from = best(Some(member.rule), whole);
        if from == whole {
            continue;
        }
        let donor = parents[from];
        let Some(place) = donor.nodes().iter().position(|n| n.rule == rule) else { continue };
        let theirs = donor.children(place).find(|c| donor.nodes()[*c].rule == member.rule);
        let ours = child.children(top).find(|c| child.nodes()[*c].rule == member.rule);
        let mut next = child.clone();
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => next.replace(ours, &donor.branch(theirs)),
            (Some(ours), None) => next.remove(top, ours),
            (None, Some(theirs)) => {
                let seat = seat(donor, place, theirs, &child, top);
                next.insert(top, seat, &donor.branch(theirs));
            }
            (None, None) => {}
        }
        if next.check(grammar).is_ok() {
            child = next;
        }
    }
    Some(child)
}

fn topmost<'g>(grammar: &'g Grammar, tree: &Tree) -> Option<(usize, &'g Arrange)> {
    tree.nodes().iter().enumerate().find_map(|(at, node)| match &grammar.rule(node.rule)?.body {
        Body::Arrange(arrange) => Some((at, arrange)),
        _ => None,
    })
}

/// Where a member of `donor` belongs in `host`: behind the nearest of those before it that the host has too.
fn seat(donor: &Tree, place: usize, member: usize, host: &Tree, top: usize) -> usize {
    let rule = |tree: &Tree, node: usize| tree.nodes()[node].rule;
    let mut before: Vec<usize> = donor.children(place).take_while(|c| *c != member).collect();
    before.reverse();
    let known =
        before.into_iter().find_map(|b| host.children(top).find(|c| rule(host, *c) == rule(donor, b)));
    known.map_or(top + 1, |c| host.subtree(c).end)
}
