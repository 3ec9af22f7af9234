//! Attributed probabilistic context-free grammars of prompts and of anything else that is text.
//!
//! A [`Draft`] is a grammar as written: rules call each other by name. [`Draft::build`] checks it and gives a
//! [`Grammar`]. A rule is a choice among weighted productions, an arrangement (an ordered subset of members whose order
//! follows Plackett & Luce's model), or a typed hole. Attributes, such as the kind of delimiters or the tone, are drawn
//! once for the whole text; texts may have one variant a value, and productions may be guarded by them.

mod arrange;
mod bnf;
mod check;
mod draft;
mod ebnf;
mod error;
mod evidence;
mod grow;
mod json;
mod learn;
mod pairs;
mod parse;
mod rule;
mod scan;
mod warn;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use self::arrange::Presence;
pub use self::draft::Draft;
pub use self::error::GrammarError;
pub use self::evidence::{Grown, Growth};
pub use self::grow::{Pruning, Recurring};
pub use self::learn::Learning;
pub use self::parse::Parse;
pub use self::rule::{
    Arrange, Body, Fill, Guard, Hole, HoleKind, Member, Pair, Part, Production, Rule, RuleId, Source, Text,
};
pub use self::warn::Warning;

/// Combinations of attribute values a grammar may have.
const MOST_SETTINGS: usize = 256;

/// A property of the whole text that its rules inherit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// Its values; at least one.
    pub values: Vec<Value>,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The name.
    pub name: String,
    /// How often it is drawn, relative to the others; finite and at least 0.
    pub weight: f64,
}

impl Attribute {
    /// An attribute whose values are equally likely.
    pub fn new<'a>(name: impl Into<String>, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().map(|name| Value { name: name.into(), weight: 1.0 }).collect();
        Self { name: name.into(), values }
    }
}

/// A checked grammar: every rule is reachable and derives some finite text under every value of the attributes.
///
/// ```
/// use prompt_grammar::{Grammar, Sampler};
/// use meta_traits::Stream;
/// let grammar = Grammar::from_bnf(r#"<task> ::= "Sort the " <what> "." | "Label the " <what> "."
///                                    <what> ::= ticket | mail"#)?;
/// let tree = Sampler::new(&grammar).sample(&mut Stream::root(7), 8)?;
/// assert!(["Sort the ticket.", "Sort the mail.", "Label the ticket.", "Label the mail."]
///     .contains(&tree.render(&grammar).as_str()));
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Draft", into = "Draft")]
pub struct Grammar {
    start: RuleId,
    attributes: Vec<Attribute>,
    rules: Vec<Rule>,
    /// For every setting of the attributes and every rule: levels of its flattest derivation.
    depths: Vec<Vec<u32>>,
    recursive: bool,
}

impl Grammar {
    /// The rule that derivations begin with.
    pub fn start(&self) -> RuleId {
        self.start
    }

    /// The attributes, in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The rules, in order of their ids.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this id; ids of other grammars may have none.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }

    /// The id of the rule of this name.
    pub fn id(&self, name: &str) -> Option<RuleId> {
        self.rules.iter().position(|rule| rule.name == name).map(|i| RuleId(i as u32))
    }

    /// Levels of the flattest derivation of a rule under these attributes; a rule without children has 1.
    pub fn least_depth(&self, rule: RuleId, attributes: &[u32]) -> u32 {
        let setting = self.setting(attributes);
        self.depths.get(setting).and_then(|d| d.get(rule.index())).copied().unwrap_or(u32::MAX)
    }

    /// Whether some rule can lead back to itself.
    pub fn is_recursive(&self) -> bool {
        self.recursive
    }

    /// The number of combinations of attribute values; 1 without attributes.
    pub(crate) fn settings(&self) -> usize {
        self.attributes.iter().map(|a| a.values.len()).product()
    }

    /// The number of a combination: the first attribute counts fastest.
    pub(crate) fn setting(&self, attributes: &[u32]) -> usize {
        let mut number = 0;
        for (attribute, value) in self.attributes.iter().zip(attributes).rev() {
            number = number * attribute.values.len() + *value as usize;
        }
        number
    }

    /// The combination of a number.
    pub(crate) fn values(&self, mut setting: usize) -> Vec<u32> {
        let digit = |attribute: &Attribute| {
            let n = attribute.values.len();
            let value = setting % n;
            setting /= n;
            value as u32
        };
        self.attributes.iter().map(digit).collect()
    }

    /// The probability of a combination.
    pub(crate) fn prior(&self, attributes: &[u32]) -> f64 {
        let share = |(attribute, value): (&Attribute, &u32)| {
            let total: f64 = attribute.values.iter().map(|v| v.weight).sum();
            attribute.values.get(*value as usize).map_or(0.0, |v| v.weight) / total
        };
        self.attributes.iter().zip(attributes).map(share).product()
    }

    /// The grammar by names.
    pub fn draft(&self) -> Draft {
        let name = |id: &RuleId| self.rules[id.index()].name.clone();
        let rules = self.rules.iter().map(|rule| draft::renamed(rule, name)).collect();
        Draft { start: name(&self.start), attributes: self.attributes.clone(), rules }
    }
}

impl From<Grammar> for Draft {
    fn from(grammar: Grammar) -> Self {
        grammar.draft()
    }
}

impl TryFrom<Draft> for Grammar {
    type Error = GrammarError;
    fn try_from(draft: Draft) -> Result<Self, GrammarError> {
        draft.build()
    }
}
