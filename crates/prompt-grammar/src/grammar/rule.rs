use serde::{Deserialize, Serialize};

/// Names one rule of one grammar: its position, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u32);

impl RuleId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A nonterminal and what it can become. `R` names other rules: by [`RuleId`] in a [`super::Grammar`], by name in a
/// [`super::Draft`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule<R = RuleId> {
    /// The name; unique in its grammar.
    pub name: String,
    /// What it can become.
    #[serde(flatten)]
    pub body: Body<R>,
}

/// What a nonterminal can become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body<R = RuleId> {
    /// One of these productions.
    Choice(Vec<Production<R>>),
    /// Some of these members in some order, each at most once.
    Arrange(Arrange<R>),
    /// A text of some type.
    Hole(Hole),
}

/// One way to write a nonterminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Production<R = RuleId> {
    /// How often it is drawn, relative to the other productions of its rule; finite and at least 0. 0 disables it.
    #[serde(default = "one")]
    pub weight: f64,
    /// Under which value of an attribute it may be used; none: always.
    #[serde(default = "no_guard", skip_serializing_if = "Option::is_none")]
    pub when: Option<Guard>,
    /// What it writes, in order; nothing writes the empty text.
    pub parts: Vec<Part<R>>,
}

impl<R> Production<R> {
    /// A production of weight 1 without guard.
    pub fn new(parts: Vec<Part<R>>) -> Self {
        Self { weight: 1.0, when: None, parts }
    }

    /// The same with another weight.
    #[must_use]
    pub fn weighing(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// The rules it uses, in order, with repeats.
    pub fn rules(&self) -> impl Iterator<Item = &R> {
        self.parts.iter().filter_map(|part| if let Part::Rule(rule) = part { Some(rule) } else { None })
    }
}

const fn one() -> f64 {
    1.0
}

const fn no_guard() -> Option<Guard> {
    None
}

/// A condition on an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Position of the attribute.
    pub attribute: usize,
    /// Positions of the values that are allowed.
    pub values: Vec<usize>,
}

impl Guard {
    /// Whether these values of the attributes are allowed.
    pub fn holds(&self, attributes: &[u32]) -> bool {
        attributes.get(self.attribute).is_some_and(|v| self.values.contains(&(*v as usize)))
    }
}

/// A piece of a production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part<R = RuleId> {
    /// Text as it is.
    Text(Text),
    /// Whatever this rule becomes.
    Rule(R),
    /// The position, from 1, in the nearest arrangement around; 1 outside of any.
    Number,
}

impl<R> Part<R> {
    /// Text that no attribute changes.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::Fixed(text.into()))
    }
}

/// A terminal text, the same always or one a value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Text {
    /// Always this.
    Fixed(String),
    /// The variant at the attribute's value.
    By {
        /// Position of the attribute.
        attribute: usize,
        /// One text a value.
        variants: Vec<String>,
    },
}

impl Text {
    /// The text under these values of the attributes.
    pub fn under(&self, attributes: &[u32]) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::By { attribute, variants } => {
                let value = attributes.get(*attribute).map_or(0, |v| *v as usize);
                variants.get(value).map_or("", String::as_str)
            }
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Fixed(String::new())
    }
}

/// An ordered subset: each member is present with its own probability, given that between `least` and `most` are; those
/// present are put in order by Plackett & Luce's model: one after the other, the next drawn in proportion to
/// exp(utility + bonuses of pairs whose first is placed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrange<R = RuleId> {
    /// The members.
    pub members: Vec<Member<R>>,
    /// What stands between two neighbours.
    #[serde(default)]
    pub between: Text,
    /// Members present at least.
    #[serde(default)]
    pub least: usize,
    /// Members present at most.
    #[serde(default = "all")]
    pub most: usize,
    /// Corrections of the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
}

const fn all() -> usize {
    usize::MAX
}

impl<R> Arrange<R> {
    /// Any number of these members, with this text between neighbours and no corrections of the order.
    pub fn new(members: Vec<Member<R>>, between: Text) -> Self {
        Self { members, between, least: 0, most: usize::MAX, pairs: Vec::new() }
    }

    /// The same with so many members present.
    #[must_use]
    pub fn counting(mut self, least: usize, most: usize) -> Self {
        (self.least, self.most) = (least, most);
        self
    }
}

/// A member of an arrangement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member<R = RuleId> {
    /// What it becomes.
    pub rule: R,
    /// Probability of being present, in [0, 1]; 1: mandatory.
    #[serde(default = "one")]
    pub presence: f64,
    /// Utility in the order; higher comes earlier.
    #[serde(default)]
    pub utility: f64,
}

impl<R> Member<R> {
    /// A mandatory member of utility 0.
    pub fn mandatory(rule: R) -> Self {
        Self { rule, presence: 1.0, utility: 0.0 }
    }

    /// A member of utility 0 that is present with this probability.
    pub fn optional(rule: R, presence: f64) -> Self {
        Self { rule, presence, utility: 0.0 }
    }
}

/// Raises the utility of one member once another is placed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Position of the member that is placed before.
    pub first: usize,
    /// Position of the member whose utility changes.
    pub then: usize,
    /// What is added; finite.
    pub bonus: f64,
}

/// A place for a text of some type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hole {
    /// What sort of text.
    pub kind: HoleKind,
    /// Tokens a text may have.
    #[serde(default = "all")]
    pub most: usize,
    /// Whether operators must leave it alone.
    #[serde(default)]
    pub protected: bool,
    /// Texts that are drawn; at least one.
    pub fills: Vec<Fill>,
}

/// What sort of text a hole takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoleKind {
    /// What to do.
    Instruction,
    /// A field of knowledge.
    Domain,
    /// What a good answer is.
    Criteria,
    /// One rule.
    RuleItem,
    /// An example; the only kind that may repeat data.
    Example,
    /// Labels and what they mean.
    Glossary,
    /// A name in angle brackets.
    Tag,
    /// A JSON schema.
    Schema,
    /// Text as the user wrote it.
    Verbatim,
}

/// A text for a hole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The text.
    pub text: String,
    /// How often it is drawn, relative to the other fills; finite and at least 0.
    #[serde(default = "one")]
    pub weight: f64,
    /// Where it comes from.
    #[serde(default)]
    pub source: Source,
}

/// Where a text of a hole comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The data set: labels, schema, frequent words, examples.
    Data,
    /// An earlier fill.
    Bank,
    /// A language model.
    Model,
    /// A component library.
    Library,
    /// The seed prompt or the grammar itself.
    #[default]
    Seed,
}

impl Fill {
    /// A seed text of weight 1.
    pub fn seed(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: 1.0, source: Source::Seed }
    }
}
