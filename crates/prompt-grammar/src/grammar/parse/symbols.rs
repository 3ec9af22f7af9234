//! The grammar under one setting of its attributes, as symbols.

use std::collections::BTreeMap;

use crate::grammar::{Body, Grammar, GrammarError, Hole, Part, RuleId};

/// Members that an arrangement may have to be read.
const MOST_MEMBERS: usize = 128;

/// Names one symbol: a rule together with the number that its texts write.
pub(super) type Symbol = u32;

/// A step of a production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Literal(String),
    Symbol(Symbol),
}

/// A member of an arrangement, and whether it must be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) rule: RuleId,
    pub(super) mandatory: bool,
}

/// What a symbol can become.
#[derive(Clone, Debug)]
pub(super) enum Form<'g> {
    /// Productions with their positions.
    Choice(Vec<(u32, Vec<Step>)>),
    Arrange {
        seats: Vec<Seat>,
        between: String,
        least: usize,
        most: usize,
    },
    Hole(&'g Hole),
}

pub(super) struct Symbols<'g> {
    grammar: &'g Grammar,
    values: Vec<u32>,
    names: BTreeMap<(RuleId, u32), Symbol>,
    all: Vec<(RuleId, u32)>,
    forms: Vec<Option<Form<'g>>>,
    /// Literals by their first byte.
    literals: BTreeMap<u8, Vec<String>>,
    numbers: bool,
}

impl<'g> Symbols<'g> {
    pub(super) fn new(grammar: &'g Grammar, values: &[u32]) -> Result<Self, GrammarError> {
        for rule in grammar.rules() {
            if let Body::Arrange(arrange) = &rule.body
                && arrange.members.len() > MOST_MEMBERS
            {
                let found = format!("{} members", arrange.members.len());
                let allowed = format!("at most {MOST_MEMBERS} to be read");
                return Err(GrammarError::range(format!("rule '{}'", rule.name), found, &allowed));
            }
        }
        let mut symbols = Self {
            grammar,
            values: values.to_vec(),
            names: BTreeMap::new(),
            all: Vec::new(),
            forms: Vec::new(),
            literals: BTreeMap::new(),
            numbers: false,
        };
        symbols.note_literals();
        symbols.symbol(grammar.start(), 1);
        Ok(symbols)
    }

    fn note_literals(&mut self) {
        let mut all = std::collections::BTreeSet::new();
        for rule in self.grammar.rules() {
            match &rule.body {
                Body::Choice(productions) => {
                    for part in productions.iter().flat_map(|p| &p.parts) {
                        match part {
                            Part::Text(text) => _ = all.insert(text.under(&self.values).to_string()),
                            Part::Number => self.numbers = true,
                            Part::Rule(_) => {}
                        }
                    }
                }
                Body::Arrange(arrange) => _ = all.insert(arrange.between.under(&self.values).to_string()),
                Body::Hole(_) => {}
            }
        }
        for literal in all {
            if let Some(first) = literal.bytes().next() {
                self.literals.entry(first).or_default().push(literal);
            }
        }
    }

    /// Whether some literal of the grammar stands at the beginning of a text.
    pub(super) fn begins(&self, text: &str) -> bool {
        let Some(first) = text.bytes().next() else { return false };
        let known = self.literals.get(&first).is_some_and(|l| l.iter().any(|l| text.starts_with(l.as_str())));
        known || (self.numbers && first.is_ascii_digit())
    }

    /// The start rule.
    pub(super) const START: Symbol = 0;

    /// The symbol of a rule at a place of this number in the nearest arrangement.
    pub(super) fn symbol(&mut self, rule: RuleId, number: u32) -> Symbol {
        // What a choice writes may depend on the number; the others have numbers of their own, or none.
        let number = match self.grammar.rule(rule).map(|r| &r.body) {
            Some(Body::Choice(_)) => number,
            _ => 1,
        };
        let next = self.all.len() as Symbol;
        let symbol = *self.names.entry((rule, number)).or_insert(next);
        if symbol == next {
            self.all.push((rule, number));
            self.forms.push(None);
        }
        symbol
    }

    /// The symbol where it is known already.
    pub(super) fn known(&self, rule: RuleId, number: u32) -> Option<Symbol> {
        let choice = matches!(self.grammar.rule(rule).map(|r| &r.body), Some(Body::Choice(_)));
        self.names.get(&(rule, if choice { number } else { 1 })).copied()
    }

    pub(super) fn rule(&self, symbol: Symbol) -> RuleId {
        self.all[symbol as usize].0
    }

    /// What a symbol can become, if that was made.
    pub(super) fn form(&self, symbol: Symbol) -> Option<&Form<'g>> {
        self.forms[symbol as usize].as_ref()
    }

    /// Makes what a symbol can become.
    pub(super) fn open(&mut self, symbol: Symbol) {
        if self.forms[symbol as usize].is_some() {
            return;
        }
        let (rule, number) = self.all[symbol as usize];
        let grammar = self.grammar;
        let Some(rule) = grammar.rule(rule) else { return };
        let form = match &rule.body {
            Body::Hole(hole) => Form::Hole(hole),
            Body::Arrange(arrange) => {
                let possible = arrange.members.iter().filter(|m| m.presence > 0.0);
                let seat = |m: &crate::grammar::Member| Seat { rule: m.rule, mandatory: m.presence >= 1.0 };
                let between = arrange.between.under(&self.values).to_string();
                let (least, most) = (arrange.least, arrange.most);
                Form::Arrange { seats: possible.map(seat).collect(), between, least, most }
            }
            Body::Choice(productions) => {
                let mut out = Vec::new();
                for (i, production) in productions.iter().enumerate() {
                    let allowed = production.when.as_ref().is_none_or(|guard| guard.holds(&self.values));
                    if production.weight > 0.0 && allowed {
                        out.push((i as u32, self.steps(&production.parts, number)));
                    }
                }
                Form::Choice(out)
            }
        };
        self.forms[symbol as usize] = Some(form);
    }

    /// Parts as steps; neighbouring texts are one literal, empty ones none.
    fn steps(&mut self, parts: &[Part], number: u32) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for part in parts {
            let literal = match part {
                Part::Rule(rule) => {
                    let symbol = self.symbol(*rule, number);
                    steps.push(Step::Symbol(symbol));
                    continue;
                }
                Part::Text(text) => text.under(&self.values).to_string(),
                Part::Number => number.to_string(),
            };
            match steps.last_mut() {
                _ if literal.is_empty() => {}
                Some(Step::Literal(last)) => last.push_str(&literal),
                _ => steps.push(Step::Literal(literal)),
            }
        }
        steps
    }
}
