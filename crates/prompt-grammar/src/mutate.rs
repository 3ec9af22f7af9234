//! Small changes of derivations.
//!
//! Every operator gives another derivation of the same grammar, within the same limits of depth and length, with the
//! same placeholders, and with protected holes as they were; or nothing, where it does not apply.

mod bandit;
mod nodes;
mod sections;
mod simplify;

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::grammar::{Body, Grammar};
use crate::sample::{BudgetSampler, Sampler};
use crate::tree::Tree;
use crate::{Tokens, placeholder};

pub use self::bandit::OperatorBandit;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operator {
    /// Another production that uses the same rules, with everything below kept; or another fill of a hole.
    Point,
    /// Everything below a node drawn anew from the weights.
    Regrow,
    /// The subtree of a node replaced by one of the other parent under the same rule.
    Crossover,
    /// A node replaced by one of its own descendants under the same rule.
    Hoist,
    /// A node put inside a new subtree under the same rule.
    Wrap,
    /// A copy of one subtree, varied, in the place of another under the same rule.
    Duplicate,
    /// A member of an arrangement moved to another place.
    Move,
    /// A member of an arrangement left out.
    Drop,
    /// An absent member of an arrangement put in.
    Add,
    /// One member of an arrangement replaced by an absent one.
    Swap,
    /// Another value of an attribute.
    Attribute,
    /// Another fill of a hole.
    Refill,
}

impl Operator {
    /// All operators, in a fixed order.
    pub const ALL: [Self; 12] = [
        Self::Point,
        Self::Regrow,
        Self::Crossover,
        Self::Hoist,
        Self::Wrap,
        Self::Duplicate,
        Self::Move,
        Self::Drop,
        Self::Add,
        Self::Swap,
        Self::Attribute,
        Self::Refill,
    ];
}

/// What the results of operators must keep.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Levels a tree may have.
    pub depth: u32,
    /// How long a text may be, and by whose count.
    pub length: Option<(&'a dyn Tokens, usize)>,
}

/// Applies operators to derivations of one grammar.
///
/// ```
/// use prompt_grammar::{Grammar, Limits, Mutator, Operator, Sampler};
/// use meta_traits::Stream;
/// let grammar = Grammar::from_bnf("<list> ::= <letter> | <letter> <list>   <letter> ::= a | b | c")?;
/// let sampler = Sampler::new(&grammar);
/// let mutator = Mutator::new(&grammar, &sampler, Limits { depth: 9, length: None });
/// let mut rng = Stream::root(5);
/// let tree = sampler.sample(&mut rng, 9)?;
/// let other = mutator.apply(Operator::Point, &tree, None, &mut rng).expect("every letter has two others");
/// assert_eq!(other.render(&grammar).len(), tree.render(&grammar).len());
/// assert_ne!(other.render(&grammar), tree.render(&grammar));
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Mutator<'a> {
    grammar: &'a Grammar,
    sampler: &'a Sampler,
    limits: Limits<'a>,
    budget: Option<&'a BudgetSampler>,
}

impl<'a> Mutator<'a> {
    /// `sampler` must be of `grammar`.
    pub fn new(grammar: &'a Grammar, sampler: &'a Sampler, limits: Limits<'a>) -> Self {
        Self { grammar, sampler, limits, budget: None }
    }

    /// The same, growing new subtrees by `sampler`, so that they fit what the rest of the text leaves of the budget.
    #[must_use]
    pub fn within(mut self, sampler: &'a BudgetSampler) -> Self {
        self.budget = Some(sampler);
        self
    }

    /// Another tree, or none where the operator does not apply or its result would break a limit, lose a placeholder
    /// or touch a protected hole.
    ///
    /// `tree` and `mate` must be derivations of the grammar; [`Operator::Crossover`] alone needs a mate. O(nodes +
    /// length of the text).
    pub fn apply(
        &self,
        operator: Operator,
        tree: &Tree,
        mate: Option<&Tree>,
        rng: &mut Stream,
    ) -> Option<Tree> {
        let child = match operator {
            Operator::Point => self.point(tree, rng),
            Operator::Regrow => self.regrow(tree, rng),
            Operator::Crossover => self.crossover(tree, mate?, rng),
            Operator::Hoist => nodes::hoist(tree, rng),
            Operator::Wrap => self.wrap(tree, rng),
            Operator::Duplicate => self.duplicate(tree, rng),
            Operator::Move => self.shift(tree, rng),
            Operator::Drop => self.leave_out(tree, rng),
            Operator::Add => self.put_in(tree, rng),
            Operator::Swap => self.swap(tree, rng),
            Operator::Attribute => self.attribute(tree, rng),
            Operator::Refill => self.refill(tree, rng),
        }?;
        self.admits(tree, &child).then_some(child)
    }

    /// The tree with a text in the hole at `node`; none where that is no hole, or the result breaks a limit. Whether the
    /// text fits the kind of the hole is for [`crate::holes::FillRules`] to say.
    pub fn fill(&self, tree: &Tree, node: usize, text: &str) -> Option<Tree> {
        tree.fill(node, self.grammar)?;
        let mut child = tree.clone();
        child.write(node, text.to_string());
        self.admits(tree, &child).then_some(child)
    }

    /// Whether `child` may follow `parent`: another derivation, within the limits, with the same placeholders and the
    /// same protected holes.
    pub fn admits(&self, parent: &Tree, child: &Tree) -> bool {
        if child.depth() > self.limits.depth
            || child.fingerprint() == parent.fingerprint()
            || child.check(self.grammar).is_err()
            || self.guarded(parent) != self.guarded(child)
        {
            return false;
        }
        let (old, new) = (parent.render(self.grammar), child.render(self.grammar));
        let fits = self.limits.length.is_none_or(|(tokens, most)| tokens.count(&new) <= most);
        fits && placeholder::difference(&old, &new) == (Vec::new(), Vec::new())
    }

    /// The texts of protected holes, by rule.
    fn guarded<'t>(&'t self, tree: &'t Tree) -> BTreeMap<u32, Vec<&'t str>> {
        let mut texts: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for (at, node) in tree.nodes().iter().enumerate() {
            let rule = self.grammar.rule(node.rule).map(|r| &r.body);
            if matches!(rule, Some(Body::Hole(hole)) if hole.protected) {
                texts.entry(node.rule.0).or_default().push(tree.fill(at, self.grammar).unwrap_or_default());
            }
        }
        for list in texts.values_mut() {
            list.sort_unstable();
        }
        texts
    }

    /// Levels that the subtree at `node` may have.
    fn room(&self, tree: &Tree, node: usize) -> u32 {
        self.limits.depth.saturating_sub(tree.ancestors(node).count() as u32)
    }
}
