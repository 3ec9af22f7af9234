use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::{Arrange, Body, Member, Part, Production, Rule, RuleId, Text};
use super::{Attribute, Grammar, GrammarError};

/// A grammar as written: rules call each other by name, and nothing is checked.
///
/// Its serde form is the JSON form of grammars.
///
/// ```
/// use prompt_grammar::{Draft, Part, Production};
/// let draft = Draft::new("greeting").choice("greeting", vec![
///     Production::new(vec![Part::text("Hello "), Part::Rule("whom".into())]),
/// ]);
/// let fault = draft.clone().build().unwrap_err().to_string();
/// assert_eq!(fault, "grammar: rule 'greeting' uses 'whom', which is not defined; the nearest name is 'greeting'");
/// assert!(draft.choice("whom", vec![Production::new(vec![Part::text("world")])]).build().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The name of the rule that derivations begin with.
    pub start: String,
    /// Properties of the whole text.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    /// The rules.
    pub rules: Vec<Rule<String>>,
}

impl Draft {
    /// A draft without rules.
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), attributes: Vec::new(), rules: Vec::new() }
    }

    /// The same with one more rule.
    #[must_use]
    pub fn rule(mut self, name: impl Into<String>, body: Body<String>) -> Self {
        self.rules.push(Rule { name: name.into(), body });
        self
    }

    /// The same with one more choice.
    #[must_use]
    pub fn choice(self, name: impl Into<String>, productions: Vec<Production<String>>) -> Self {
        self.rule(name, Body::Choice(productions))
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Checks the draft and resolves its names.
    ///
    /// # Errors
    /// [`GrammarError`], naming the rule: no rules, a rule twice, an unknown name, an empty body, a weight or position
    /// outside its range, a rule that derives no finite text, or one that cannot be reached. O(size x settings).
    pub fn build(self) -> Result<Grammar, GrammarError> {
        if self.rules.is_empty() {
            return Err(GrammarError::Empty { what: "the grammar".into(), of: "rule" });
        }
        let mut ids = BTreeMap::new();
        for (i, rule) in self.rules.iter().enumerate() {
            if ids.insert(rule.name.clone(), RuleId(i as u32)).is_some() {
                return Err(GrammarError::Duplicate { rule: rule.name.clone() });
            }
        }
        let find = |name: &str, within: &str| {
            ids.get(name).copied().ok_or_else(|| {
                let nearest = ids.keys().min_by_key(|known| distance(known, name)).cloned();
                GrammarError::Unknown {
                    rule: name.into(),
                    within: within.into(),
                    nearest: nearest.unwrap_or_default(),
                }
            })
        };
        let start = find(&self.start, "the start")?;
        let resolve = |rule: &Rule<String>| try_renamed(rule, |name| find(name, &rule.name));
        let rules = self.rules.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
        Grammar::check(start, self.attributes, rules)
    }
}

/// The rule with its names replaced.
pub(super) fn renamed<A, B>(rule: &Rule<A>, name: impl Fn(&A) -> B) -> Rule<B> {
    let sure: Result<Rule<B>, std::convert::Infallible> = try_renamed(rule, |r| Ok(name(r)));
    match sure {
        Ok(rule) => rule,
        Err(never) => match never {},
    }
}

fn try_renamed<A, B, E>(rule: &Rule<A>, name: impl Fn(&A) -> Result<B, E>) -> Result<Rule<B>, E> {
    let part = |part: &Part<A>| {
        Ok(match part {
            Part::Text(text) => Part::Text(text.clone()),
            Part::Rule(rule) => Part::Rule(name(rule)?),
            Part::Number => Part::Number,
        })
    };
    let body = match &rule.body {
        Body::Choice(productions) => {
            let production = |p: &Production<A>| {
                let parts = p.parts.iter().map(part).collect::<Result<_, E>>()?;
                Ok(Production { weight: p.weight, when: p.when.clone(), parts })
            };
            Body::Choice(productions.iter().map(production).collect::<Result<_, E>>()?)
        }
        Body::Arrange(arrange) => {
            let member =
                |m: &Member<A>| Ok(Member { rule: name(&m.rule)?, presence: m.presence, utility: m.utility });
            Body::Arrange(Arrange {
                members: arrange.members.iter().map(member).collect::<Result<_, E>>()?,
                between: Text::clone(&arrange.between),
                least: arrange.least,
                most: arrange.most,
                pairs: arrange.pairs.clone(),
            })
        }
        Body::Hole(hole) => Body::Hole(hole.clone()),
    };
    Ok(Rule { name: rule.name.clone(), body })
}

/// Letters to insert, drop or change to make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
