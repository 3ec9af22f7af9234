//! What texts add to the length of a prompt at most.

use crate::Tokens;
use crate::grammar::{Body, Grammar, Part, RuleId, Text};

/// More members than this an arrangement does not number in practice.
const NUMBER: &str = "999";

/// Upper bounds of lengths under one grammar.
pub(super) struct Costs<'a> {
    pub(super) grammar: &'a Grammar,
    pub(super) tokens: &'a dyn Tokens,
}

impl Costs<'_> {
    pub(super) fn count(&self, text: &str) -> u32 {
        u32::try_from(self.tokens.count(text)).unwrap_or(u32::MAX)
    }

    pub(super) fn number(&self) -> u32 {
        self.count(NUMBER)
    }

    /// The longest variant of a text.
    pub(super) fn most_of_text(&self, text: &Text) -> u32 {
        match text {
            Text::Fixed(text) => self.count(text),
            Text::By { variants, .. } => variants.iter().map(|v| self.count(v)).max().unwrap_or(0),
        }
    }

    /// The longest derivation of a rule. The grammar has no recursion.
    pub(super) fn most(&self, rule: RuleId) -> u32 {
        match self.grammar.rule(rule).map(|r| &r.body) {
            Some(Body::Choice(productions)) => {
                let part = |part: &Part| match part {
                    Part::Text(text) => self.most_of_text(text),
                    Part::Rule(rule) => self.most(*rule),
                    Part::Number => self.number(),
                };
                let of = |parts: &[Part]| parts.iter().map(part).fold(0, u32::saturating_add);
                productions.iter().map(|p| of(&p.parts)).max().unwrap_or(0)
            }
            Some(Body::Arrange(arrange)) => {
                let between = self.most_of_text(&arrange.between);
                let of = |m: &crate::grammar::Member| self.most(m.rule).saturating_add(between);
                arrange.members.iter().map(of).fold(0, u32::saturating_add)
            }
            Some(Body::Hole(hole)) => hole.fills.iter().map(|f| self.count(&f.text)).max().unwrap_or(0),
            None => 0,
        }
    }
}
