//! Members of arrangements, and sections.

use super::{Builder, Free, Optional};
use crate::PromptError;
use crate::flat::Gate;
use crate::grammar::Arrange;
use crate::space::Section;
use crate::tree::Tree;

impl Builder<'_> {
    pub(super) fn arrangement(
        &mut self,
        at: usize,
        arrange: &Arrange,
        node: Option<usize>,
        optional: Option<Optional>,
        free: Free,
    ) -> Result<(), PromptError> {
        let top = self.structure && self.top.is_none() && free == Free::No;
        if top {
            self.top = Some(at);
        }
        let before = self.when;
        let (mut frame, mut free) = (0, free);
        if let Some(mut optional) = optional {
            if arrange.least <= 1 && arrange.members.iter().all(|m| m.presence < 1.0) {
                // Every member pays for what comes with the whole.
                frame = std::mem::take(&mut optional.frame);
                self.places[at].gate = Gate::Members(at);
            } else {
                if node.is_none() && free == Free::No {
                    optional.frame = optional.frame.saturating_add(self.costs.most(self.places[at].rule));
                    free = Free::Yes;
                }
                self.presence(at, node, Some(optional));
            }
        }
        let children: Vec<usize> = node.map(|n| self.seed.children(n).collect()).unwrap_or_default();
        let between = self.costs.most_of_text(&arrange.between);
        for _ in 1..children.len() {
            self.text(&arrange.between, node);
        }
        let mut members = Vec::new();
        for m in in_order(arrange, self.seed, &children) {
            let member = &arrange.members[m];
            let child = children.iter().copied().find(|c| self.seed.nodes()[*c].rule == member.rule);
            if child.is_none() && !self.structure {
                continue;
            }
            let name = self.costs.grammar.rule(member.rule).map_or(String::new(), |r| r.name.clone());
            let alone = if child.is_none() && free == Free::No { frame.saturating_add(between) } else { 0 };
            let optional = (self.structure && member.presence < 1.0).then(|| Optional {
                presence: member.presence,
                frame: alone,
                name: name.clone(),
            });
            if optional.is_none() {
                self.base = self.base.saturating_add(alone);
            }
            let place = self.place(member.rule, child, optional, free)?;
            members.push(place);
            if top {
                let shown_by = if child.is_some() { Vec::new() } else { self.shown_by(place) };
                self.sections.push(Section { name, shown_by });
                self.utilities.push(member.utility);
            }
        }
        self.places[at].below = vec![members];
        self.when = before;
        Ok(())
    }

    /// The slots whose options other than 0 bring a place in that the seed lacks.
    pub(super) fn shown_by(&self, place: usize) -> Vec<usize> {
        match &self.places[place].gate {
            Gate::Open => Vec::new(),
            Gate::Slot(slot, _) => vec![*slot],
            Gate::Members(of) => self.places[*of].below[0].iter().flat_map(|m| self.shown_by(*m)).collect(),
        }
    }
}

/// Positions of members: those of the seed in its order, each other before the first that has a lower utility.
fn in_order(arrange: &Arrange, seed: &Tree, children: &[usize]) -> Vec<usize> {
    let rule = |m: usize| arrange.members[m].rule;
    let position = |c: &usize| (0..arrange.members.len()).find(|m| rule(*m) == seed.nodes()[*c].rule);
    let mut order: Vec<usize> = children.iter().filter_map(position).collect();
    let own = order.clone();
    let utility = |m: usize| arrange.members[m].utility;
    let mut others: Vec<usize> = (0..arrange.members.len())
        .filter(|m| !own.contains(m) && arrange.members[*m].presence > 0.0)
        .collect();
    others.sort_by(|a, b| utility(*b).total_cmp(&utility(*a)));
    for m in others {
        let seat = order.iter().position(|o| utility(*o) < utility(m)).unwrap_or(order.len());
        order.insert(seat, m);
    }
    order
}
