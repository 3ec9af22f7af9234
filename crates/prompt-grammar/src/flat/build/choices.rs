//! Slots of productions and of presence.

use super::{Builder, Free, LEAST, Optional, PRESENT};
use crate::PromptError;
use crate::flat::Pick;
use crate::grammar::{Body, Grammar, Part, Source};
use crate::space::{Condition, SlotOption};

impl Builder<'_> {
    pub(super) fn choice(
        &mut self,
        at: usize,
        name: &str,
        node: Option<usize>,
        optional: Option<Optional>,
        free: Free,
    ) -> Result<(), PromptError> {
        let grammar = self.costs.grammar;
        let Some(Body::Choice(productions)) = grammar.rule(self.places[at].rule).map(|r| &r.body) else {
            return Ok(());
        };
        let own = node.map(|n| self.seed.nodes()[n].pick);
        let mut order: Vec<usize> = (0..productions.len())
            .filter(|i| own == Some(*i as u32) || (self.structure && productions[*i].weight > 0.0))
            .collect();
        order.sort_by_key(|i| own != Some(*i as u32));
        self.places[at].below = vec![Vec::new(); productions.len()];
        if let [only] = order[..] {
            return self.single(at, only, node, optional, free);
        }
        let mut options = Vec::new();
        for &i in &order {
            let mine = own == Some(i as u32);
            let length = if mine || free == Free::Yes { 0 } else { self.production(&productions[i].parts) };
            let text = label(grammar, &productions[i].parts);
            options.push((
                SlotOption { text, tokens: length, weight: productions[i].weight.max(LEAST) },
                Source::Seed,
            ));
        }
        let picks = order.iter().map(|i| Pick::Taken(*i as u32)).collect();
        self.decide(at, name, picks, options, node.is_some(), optional);
        for &i in &order {
            let mine = own == Some(i as u32);
            let mut children = node.filter(|_| mine).map(|n| self.seed.children(n).collect::<Vec<_>>());
            for part in &productions[i].parts {
                match part {
                    Part::Text(text) if mine => {
                        self.text(text, node);
                    }
                    Part::Number if mine => self.base = self.base.saturating_add(self.costs.number()),
                    Part::Rule(rule) => {
                        let child = children.as_mut().filter(|c| !c.is_empty()).map(|c| c.remove(0));
                        let paid = if mine { free } else { Free::Yes };
                        let below = self.place(*rule, child, None, paid)?;
                        self.places[at].below[i].push(below);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn production(&self, parts: &[Part]) -> u32 {
        let of = |part: &Part| match part {
            Part::Text(text) => self.costs.most_of_text(text),
            Part::Rule(rule) => self.costs.most(*rule),
            Part::Number => self.costs.number(),
        };
        parts.iter().map(of).fold(0, u32::saturating_add)
    }

    /// A choice of one production: what is below decides, where that is one place.
    pub(super) fn single(
        &mut self,
        at: usize,
        pick: usize,
        node: Option<usize>,
        mut optional: Option<Optional>,
        free: Free,
    ) -> Result<(), PromptError> {
        let Some(Body::Choice(productions)) = self.costs.grammar.rule(self.places[at].rule).map(|r| &r.body)
        else {
            return Ok(());
        };
        let parts = &productions[pick].parts;
        let several = productions[pick].rules().count() != 1;
        // What the seed lacks and several places write comes with the slot that says whether they are there.
        let lumped = several && node.is_none();
        let mut frame = 0_u32;
        for part in parts {
            let length = match part {
                Part::Text(text) => self.text(text, node),
                Part::Number if node.is_none() => self.costs.number(),
                Part::Number => {
                    self.base = self.base.saturating_add(self.costs.number());
                    0
                }
                Part::Rule(_) => 0,
            };
            frame = frame.saturating_add(length);
        }
        if lumped {
            frame = self.costs.most(self.places[at].rule);
        }
        if free == Free::Yes {
            frame = 0;
        }
        let free = if lumped { Free::Yes } else { free };
        if let Some(optional) = &mut optional {
            optional.frame = optional.frame.saturating_add(frame);
        } else {
            self.base = self.base.saturating_add(frame);
        }
        let before = self.when;
        let mut inner = optional.take();
        if several {
            self.presence(at, node, inner.take());
        }
        let children: Vec<usize> = node.map(|n| self.seed.children(n).collect()).unwrap_or_default();
        for (i, rule) in productions[pick].rules().enumerate() {
            let below = self.place(*rule, children.get(i).copied(), inner.take(), free)?;
            self.places[at].below[pick].push(below);
        }
        if let ([below], false) = (&self.places[at].below[pick][..], several) {
            self.places[at].gate = self.places[*below].gate.clone();
        }
        self.when = before;
        self.places[at].picks = vec![Pick::Taken(pick as u32)];
        Ok(())
    }

    /// A slot that says whether a place is there, where it is optional.
    pub(super) fn presence(&mut self, at: usize, node: Option<usize>, optional: Option<Optional>) {
        let there = node.is_some();
        if let Some(optional) = optional {
            let present = (SlotOption::new(PRESENT, 0), Source::Seed);
            self.decide(at, "", vec![Pick::Taken(0)], vec![present], there, Some(optional));
            if let (Some(slot), false) = (self.places[at].slot.take(), there) {
                self.when = Some(Condition { slot, above: 0 });
            }
        }
    }
}

/// How a production is called among others: what it writes, with rules in angle brackets.
fn label(grammar: &Grammar, parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.under(&vec![0; grammar.attributes().len()]).to_string(),
        Part::Rule(rule) => grammar.rule(*rule).map_or(String::new(), |r| format!("<{}>", r.name)),
        Part::Number => "<number>".into(),
    };
    parts.iter().map(part).collect()
}
