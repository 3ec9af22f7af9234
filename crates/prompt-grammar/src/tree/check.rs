use std::collections::BTreeSet;

use super::{Node, Tree, set_sizes};
use crate::grammar::{Body, Grammar, GrammarError, Production, Rule, RuleId};

impl Tree {
    /// Whether this is a derivation of `grammar`: every rule written by one of its productions that is allowed under
    /// the attributes, every arrangement with distinct members, all mandatory ones and a number within its bounds, every
    /// hole with a fill or a text.
    ///
    /// O(n log n).
    ///
    /// # Errors
    /// [`GrammarError::Tree`] naming the first node that is wrong and why.
    pub fn check(&self, grammar: &Grammar) -> Result<(), GrammarError> {
        let fault = |at: usize, what: &str| GrammarError::tree(at, what);
        let sound = |(value, attribute): (&u32, &crate::grammar::Attribute)| {
            (*value as usize) < attribute.values.len()
        };
        let attributes = grammar.attributes();
        if self.attributes.len() != attributes.len() || !self.attributes.iter().zip(attributes).all(sound) {
            return Err(fault(0, "has values of attributes that the grammar lacks"));
        }
        let mut nodes = self.nodes.clone();
        if let Some(at) = nodes.iter().position(|n| grammar.rule(n.rule).is_none()) {
            return Err(fault(at, "applies a rule that the grammar lacks"));
        }
        if !set_sizes(&mut nodes, |n| arity(grammar, n)) || nodes != self.nodes {
            return Err(fault(0, "has sizes that do not fit its rules"));
        }
        if nodes[0].rule != grammar.start() {
            return Err(fault(0, "does not apply the start rule"));
        }
        let mut ids = BTreeSet::new();
        for (at, node) in nodes.iter().enumerate() {
            if !ids.insert(node.id) || node.id >= self.next {
                return Err(fault(at, "has the id of another, or one that was never given"));
            }
            self.check_node(at, grammar)?;
        }
        match self.texts.keys().find(|id| !ids.contains(id)) {
            Some(id) => Err(GrammarError::tree(0, format!("holds a text of component {id}, which it lacks"))),
            None => Ok(()),
        }
    }

    fn check_node(&self, at: usize, grammar: &Grammar) -> Result<(), GrammarError> {
        let node = &self.nodes[at];
        let Rule { name, body } = &grammar.rules()[node.rule.index()];
        let fault = |what: &str| Err(GrammarError::tree(at, format!("('{name}') {what}")));
        let written = self.texts.contains_key(&node.id);
        if written != (matches!(body, Body::Hole(_)) && node.pick == Self::WRITTEN) {
            return fault("has a text where none belongs, or lacks one");
        }
        let children = self.children(at).map(|c| self.nodes[c].rule);
        match body {
            Body::Choice(productions) => {
                let Some(production) = productions.get(node.pick as usize) else {
                    return fault("picks a production that the rule lacks");
                };
                if !production.when.as_ref().is_none_or(|guard| guard.holds(&self.attributes)) {
                    return fault("picks a production that its attributes forbid");
                }
                if !production.rules().copied().eq(children) {
                    return fault("has other children than its production");
                }
            }
            Body::Arrange(arrange) => {
                let present: Vec<RuleId> = children.collect();
                let distinct: BTreeSet<&RuleId> = present.iter().collect();
                let known = |r: &RuleId| arrange.members.iter().any(|m| m.rule == *r);
                if distinct.len() < present.len() || !present.iter().all(known) {
                    return fault("has a member twice, or one that the rule lacks");
                }
                if arrange.members.iter().any(|m| m.presence >= 1.0 && !distinct.contains(&m.rule)) {
                    return fault("lacks a mandatory member");
                }
                if !(arrange.least..=arrange.most).contains(&present.len()) {
                    return fault("has too few or too many members");
                }
            }
            Body::Hole(hole) => {
                if node.pick != Self::WRITTEN && hole.fills.len() <= node.pick as usize {
                    return fault("picks a fill that the hole lacks");
                }
            }
        }
        Ok(())
    }
}

/// The number of children of a node; picks outside of their range have none.
pub(crate) fn arity(grammar: &Grammar, node: &Node) -> usize {
    match &grammar.rules()[node.rule.index()].body {
        Body::Choice(productions) => {
            productions.get(node.pick as usize).map_or(0, |p: &Production| p.rules().count())
        }
        Body::Arrange(_) => node.pick as usize,
        Body::Hole(_) => 0,
    }
}
