//! What is allowed in a grammar and may still not be meant.

use std::collections::BTreeSet;
use std::fmt;

use super::Grammar;
use super::rule::{Body, Part, RuleId, Text};

/// Something about a sound grammar that its author may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A rule can begin with itself. Drawing and [`Grammar::parse`] allow it; readers that descend do not.
    LeftRecursion {
        /// The rule.
        rule: String,
    },
    /// A rule can become itself and nothing else, so every text of it has endlessly many derivations.
    Cycle {
        /// The rule.
        rule: String,
    },
    /// A choice has the same production twice.
    Repeated {
        /// The rule.
        rule: String,
        /// Position of the second.
        production: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftRecursion { rule } => write!(f, "grammar: rule '{rule}' can begin with itself"),
            Self::Cycle { rule } => {
                write!(
                    f,
                    "grammar: rule '{rule}' can become itself alone, so its texts are ambiguous without end"
                )
            }
            Self::Repeated { rule, production } => {
                write!(
                    f,
                    "grammar: production {production} of rule '{rule}' is there already; join their weights"
                )
            }
        }
    }
}

impl Grammar {
    /// What may not be meant: left recursion, cycles, repeated productions. In order of rules. O(rules x productions).
    ///
    /// ```
    /// use prompt_grammar::Grammar;
    /// let grammar = Grammar::from_bnf("<list> ::= <list> ', ' <word> | <word>   <word> ::= a | b")?;
    /// assert_eq!(grammar.warnings()[0].to_string(), "grammar: rule 'list' can begin with itself");
    /// # Ok::<(), prompt_grammar::GrammarError>(())
    /// ```
    pub fn warnings(&self) -> Vec<Warning> {
        let empty = self.empty();
        let mut out = Vec::new();
        for (i, rule) in self.rules.iter().enumerate() {
            let id = RuleId(i as u32);
            if leads_back(id, &|r| self.first(r, &empty)) {
                out.push(Warning::LeftRecursion { rule: rule.name.clone() });
            }
            if leads_back(id, &|r| self.alone(r, &empty)) {
                out.push(Warning::Cycle { rule: rule.name.clone() });
            }
            if let Body::Choice(productions) = &rule.body {
                let known = |i: &usize| {
                    productions[..*i]
                        .iter()
                        .any(|p| p.parts == productions[*i].parts && p.when == productions[*i].when)
                };
                let again = (1..productions.len()).filter(known);
                out.extend(again.map(|production| Warning::Repeated { rule: rule.name.clone(), production }));
            }
        }
        out
    }

    /// Which rules can write nothing.
    fn empty(&self) -> Vec<bool> {
        let mut empty = vec![false; self.rules.len()];
        loop {
            let now: Vec<bool> = self.rules.iter().map(|r| can_be_empty(&r.body, &empty)).collect();
            if now == empty {
                return empty;
            }
            empty = now;
        }
    }

    /// The rules that a rule can begin with.
    fn first(&self, rule: RuleId, empty: &[bool]) -> Vec<RuleId> {
        match &self.rules[rule.index()].body {
            Body::Choice(productions) => {
                let mut out = Vec::new();
                for production in productions.iter().filter(|p| p.weight > 0.0) {
                    for part in &production.parts {
                        if let Part::Rule(next) = part {
                            out.push(*next);
                        }
                        if !blank(part, empty) {
                            break;
                        }
                    }
                }
                out
            }
            Body::Arrange(arrange) => arrange.members.iter().map(|m| m.rule).collect(),
            Body::Hole(_) => Vec::new(),
        }
    }

    /// The rules that a rule can become and nothing else.
    fn alone(&self, rule: RuleId, empty: &[bool]) -> Vec<RuleId> {
        match &self.rules[rule.index()].body {
            Body::Choice(productions) => {
                let mut out = Vec::new();
                for production in productions.iter().filter(|p| p.weight > 0.0) {
                    for (i, part) in production.parts.iter().enumerate() {
                        let others = production.parts.iter().enumerate().filter(|(k, _)| *k != i);
                        if let Part::Rule(next) = part
                            && others.clone().all(|(_, p)| blank(p, empty))
                        {
                            out.push(*next);
                        }
                    }
                }
                out
            }
            Body::Arrange(arrange) if arrange.least <= 1 => {
                let single = |m: &&super::Member| {
                    arrange
                        .members
                        .iter()
                        .all(|o| o.rule == m.rule || o.presence < 1.0 || empty[o.rule.index()])
                };
                arrange.members.iter().filter(single).map(|m| m.rule).collect()
            }
            Body::Arrange(_) | Body::Hole(_) => Vec::new(),
        }
    }
}

fn blank(part: &Part, empty: &[bool]) -> bool {
    match part {
        Part::Text(Text::Fixed(text)) => text.is_empty(),
        Part::Text(Text::By { variants, .. }) => variants.iter().any(String::is_empty),
        Part::Rule(rule) => empty[rule.index()],
        Part::Number => false,
    }
}

/// Whether steps lead from a rule back to itself.
fn leads_back(rule: RuleId, steps: &dyn Fn(RuleId) -> Vec<RuleId>) -> bool {
    let (mut seen, mut todo) = (BTreeSet::new(), steps(rule));
    while let Some(next) = todo.pop() {
        if next == rule {
            return true;
        }
        if seen.insert(next) {
            todo.extend(steps(next));
        }
    }
    false
}

fn can_be_empty(body: &Body, empty: &[bool]) -> bool {
    match body {
        Body::Choice(productions) => {
            productions.iter().any(|p| p.weight > 0.0 && p.parts.iter().all(|part| blank(part, empty)))
        }
        Body::Arrange(arrange) => {
            let needed = arrange.members.iter().filter(|m| m.presence >= 1.0);
            let all = needed.clone().all(|m| empty[m.rule.index()]);
            all && arrange.least <= needed.count()
        }
        Body::Hole(hole) => hole.fills.iter().any(|f| f.weight > 0.0 && f.text.is_empty()),
    }
}
