//! Grammars that grow: what good derivations have in common becomes a production of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::{Body, Fill, Guard, Part, Production, RuleId, Source, Text};
use super::{Grammar, GrammarError};
use crate::tree::Tree;

/// A subtree that several derivations share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recurring {
    /// Position of the first derivation that has it.
    pub tree: usize,
    /// Where it is there.
    pub node: usize,
    /// How many of the derivations have it.
    pub support: usize,
}

impl Grammar {
    /// Subtrees of two nodes or more, and written fills, that at least `support` of the trees share; those that most
    /// share first, then the larger ones. A subtree inside of a larger one with the same support is left out.
    ///
    /// O(total nodes^2) at worst, O(total nodes x depth) in general.
    pub fn recurring(&self, trees: &[&Tree], support: usize) -> Vec<Recurring> {
        let mut seen: BTreeMap<Vec<u8>, (Recurring, usize)> = BTreeMap::new();
        for (i, tree) in trees.iter().enumerate() {
            for (at, node) in tree.nodes().iter().enumerate() {
                let written = node.pick == Tree::WRITTEN && tree.fill(at, self).is_some();
                if node.size < 2 && !written {
                    continue;
                }
                let key = key(tree, at);
                let entry =
                    seen.entry(key).or_insert((Recurring { tree: i, node: at, support: 0 }, usize::MAX));
                if entry.1 != i {
                    entry.0.support += 1;
                    entry.1 = i;
                }
            }
        }
        let mut found: Vec<Recurring> =
            seen.into_values().map(|(r, _)| r).filter(|r| r.support >= support.max(1)).collect();
        let size = |r: &Recurring| trees[r.tree].nodes()[r.node].size;
        found.sort_by(|a, b| {
            b.support
                .cmp(&a.support)
                .then(size(b).cmp(&size(a)))
                .then((a.tree, a.node).cmp(&(b.tree, b.node)))
        });
        let mut kept: Vec<Recurring> = Vec::new();
        for r in found {
            let inside = |k: &Recurring| {
                k.support == r.support && k.tree == r.tree && trees[k.tree].subtree(k.node).contains(&r.node)
            };
            if !kept.iter().any(inside) {
                kept.push(r);
            }
        }
        kept
    }

    /// Makes the subtree at `node` a production of its own, or the text of a hole a fill, of this weight; gives its
    /// position. Trees of the grammar before are trees of the grammar after. What is there already gets no second place.
    ///
    /// # Errors
    /// [`GrammarError::Tree`] when the tree is of another grammar, the subtree is that of an arrangement, is written
    /// under guards on more than one attribute, or is the whole tree; [`GrammarError::Range`] for an unsound weight.
    /// Nothing is changed then.
    pub fn grow(&mut self, tree: &Tree, node: usize, weight: f64) -> Result<usize, GrammarError> {
        tree.check(self)?;
        let fault = |what: &str| GrammarError::tree(node, what);
        let at = tree.nodes().get(node).ok_or_else(|| fault("is not there"))?;
        if node == 0 {
            return Err(fault("is the whole tree; a grammar that writes one text is no grammar"));
        }
        let mut rules = self.rules.clone();
        let place = match &mut rules[at.rule.index()].body {
            Body::Hole(hole) => {
                let text = tree.fill(node, self).unwrap_or_default();
                if let Some(known) = hole.fills.iter().position(|f| f.text == text) {
                    return Ok(known);
                }
                hole.fills.push(Fill { text: text.to_string(), weight, source: Source::Bank });
                hole.fills.len() - 1
            }
            Body::Choice(productions) => {
                let (parts, when) = self.flattened(tree, node)?;
                if let Some(known) = productions.iter().position(|p| p.parts == parts && p.when == when) {
                    return Ok(known);
                }
                productions.push(Production { weight, when, parts });
                productions.len() - 1
            }
            Body::Arrange(_) => return Err(fault("is an arrangement; only choices and holes grow")),
        };
        *self = Self::check(self.start, self.attributes.clone(), rules)?;
        Ok(place)
    }

    /// What a subtree writes, as parts without rules, and the guard under which it may.
    fn flattened(&self, tree: &Tree, node: usize) -> Result<(Vec<Part>, Option<Guard>), GrammarError> {
        let fault = |what: &str| GrammarError::tree(node, what);
        let mut parts: Vec<Part> = Vec::new();
        let mut guard: Option<Guard> = None;
        let mut tasks = vec![Task::Node(node, None)];
        while let Some(task) = tasks.pop() {
            let (at, number) = match task {
                Task::Text(text) => {
                    parts.push(Part::Text(text));
                    continue;
                }
                Task::Node(at, number) => (at, number),
            };
            let applied = tree.nodes()[at];
            let mut children = tree.children(at);
            match &self.rules[applied.rule.index()].body {
                Body::Hole(_) => parts.push(Part::text(tree.fill(at, self).unwrap_or_default())),
                Body::Choice(productions) => {
                    let production = &productions[applied.pick as usize];
                    guard = match (guard, &production.when) {
                        (None, when) => when.clone(),
                        (guard, None) => guard,
                        (Some(a), Some(b)) if a.attribute == b.attribute => {
                            let values = a.values.into_iter().filter(|v| b.values.contains(v)).collect();
                            Some(Guard { attribute: a.attribute, values })
                        }
                        _ => return Err(fault("is written under guards on several attributes")),
                    };
                    let mut row = Vec::new();
                    for part in &production.parts {
                        row.push(match part {
                            Part::Text(text) => Task::Text(text.clone()),
                            Part::Rule(_) => {
                                Task::Node(children.next().ok_or_else(|| fault("lacks a child"))?, number)
                            }
                            Part::Number => match number {
                                Some(number) => Task::Text(Text::Fixed(number.to_string())),
                                // The number of the arrangement around the whole subtree, whichever that will be.
                                None => return Err(fault("writes its number in an arrangement")),
                            },
                        });
                    }
                    tasks.extend(row.into_iter().rev());
                }
                Body::Arrange(arrange) => {
                    let mut row = Vec::new();
                    for (i, child) in children.enumerate() {
                        if i > 0 {
                            row.push(Task::Text(arrange.between.clone()));
                        }
                        row.push(Task::Node(child, Some(i + 1)));
                    }
                    tasks.extend(row.into_iter().rev());
                }
            }
        }
        Ok((joined(parts), guard))
    }
}

/// What is still to be written: a text, or a node with its number in the arrangement around it.
enum Task {
    Text(Text),
    Node(usize, Option<usize>),
}

/// Neighbouring fixed texts as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (_, Part::Text(Text::Fixed(text))) if text.is_empty() => {}
            (Some(Part::Text(Text::Fixed(last))), Part::Text(Text::Fixed(text))) => last.push_str(&text),
            (_, part) => out.push(part),
        }
    }
    out
}

/// A subtree without its ids.
pub(super) fn key(tree: &Tree, node: usize) -> Vec<u8> {
    let mut key = Vec::new();
    for at in tree.subtree(node) {
        let node = tree.nodes()[at];
        key.extend(node.rule.0.to_le_bytes());
        key.extend(node.pick.to_le_bytes());
        if let Some(text) = tree.texts.get(&node.id) {
            key.extend((text.len() as u64).to_le_bytes());
            key.extend(text.as_bytes());
        }
    }
    key
}

/// Disables productions and fills that stay unused: at the floor of learning for so many rounds.
///
/// What is disabled keeps its place with weight 0, so that trees stay derivations and files show it; the last one in use
/// of a rule is never disabled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pruning {
    rounds: u32,
    /// For how many rounds each has been at the floor, by rule and position.
    idle: BTreeMap<(RuleId, u32), u32>,
}

impl Pruning {
    /// Disables after so many rounds; at least 1.
    pub fn new(rounds: u32) -> Self {
        Self { rounds: rounds.max(1), idle: BTreeMap::new() }
    }

    /// Ends a round: what has a share of at most `floor` for long enough is disabled. Gives rule and position of each.
    ///
    /// Where the rest would derive nothing, as under some guard, nothing is disabled in this round.
    pub fn step(&mut self, grammar: &mut Grammar, floor: f64) -> Vec<(RuleId, usize)> {
        let mut disabled = Vec::new();
        let before = grammar.rules.clone();
        for (i, rule) in grammar.rules.iter_mut().enumerate() {
            let id = RuleId(i as u32);
            let mut weights: Vec<&mut f64> = match &mut rule.body {
                Body::Choice(productions) => productions.iter_mut().map(|p| &mut p.weight).collect(),
                Body::Hole(hole) => hole.fills.iter_mut().map(|f| &mut f.weight).collect(),
                Body::Arrange(_) => continue,
            };
            let total: f64 = weights.iter().map(|w| **w).sum();
            let mut enabled = weights.iter().filter(|w| ***w > 0.0).count();
            let least = floor.min(0.5 / enabled.max(1) as f64) * (1.0 + 1e-9);
            for (at, weight) in weights.iter_mut().enumerate() {
                let entry = (id, at as u32);
                if **weight <= 0.0 || **weight / total > least {
                    self.idle.remove(&entry);
                    continue;
                }
                let idle = self.idle.entry(entry).or_insert(0);
                *idle += 1;
                if *idle >= self.rounds && enabled > 1 {
                    **weight = 0.0;
                    enabled -= 1;
                    self.idle.remove(&entry);
                    disabled.push((id, at));
                }
            }
        }
        if let Ok(sound) = Grammar::check(grammar.start, grammar.attributes.clone(), grammar.rules.clone()) {
            *grammar = sound;
        } else {
            grammar.rules = before;
            disabled.clear();
        }
        disabled
    }
}
