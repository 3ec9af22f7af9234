//! Drawing derivations from a grammar.

mod budget;
mod table;

use meta_traits::Stream;

use crate::grammar::{Arrange, Body, Grammar, GrammarError, Presence, RuleId};
use crate::tree::{Node, Tree, set_sizes};

pub use self::budget::BudgetSampler;

/// Nodes a drawn tree may have.
const MOST_NODES: usize = 1_000_000;

/// Draws derivations by the weights of a grammar.
///
/// Where the limit of depth comes near, only productions that can still end within it are drawn; the others keep their
/// proportions. Made once a grammar: what a draw costs depends on the derivation, not on the size of the grammar.
///
/// ```
/// use prompt_grammar::{Grammar, Sampler};
/// use meta_traits::Stream;
/// let grammar = Grammar::from_bnf("<list> ::= <letter> | <letter> <list>   <letter> ::= a | b")?;
/// let sampler = Sampler::new(&grammar);
/// let mut rng = Stream::root(3);
/// for _ in 0..100 {
///     let tree = sampler.sample(&mut rng, 5)?;
///     assert!(tree.depth() <= 5 && (1..=4).contains(&tree.render(&grammar).len()));
/// }
/// assert!(sampler.sample(&mut rng, 1).is_err());
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    start: RuleId,
    plans: Vec<Plan>,
    /// Weights of all productions and fills summed up within their rule, rule after rule.
    sums: Vec<f64>,
    /// Where the children of a production begin in `children`; one more at the end.
    first_child: Vec<u32>,
    children: Vec<RuleId>,
    /// Levels that a production takes at least, by setting.
    depths: Vec<Vec<u32>>,
    arranges: Vec<(Arrange, Presence)>,
    grammar: Settings,
}

/// What must be known of the attributes.
#[derive(Clone, Debug)]
struct Settings {
    weights: Vec<f64>,
    values: Vec<Vec<u32>>,
    sizes: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    kind: Kind,
    /// Position of the first production or fill in `sums`.
    first: u32,
    n: u32,
    /// Levels that are enough for every production to be possible; `u32::MAX` where guards forbid some.
    enough: u32,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Choice,
    Hole,
    Arrange(u32),
}

impl Sampler {
    /// Plans the drawing. O(size of the grammar x settings of the attributes).
    pub fn new(grammar: &Grammar) -> Self {
        let settings = (0..grammar.settings()).map(|s| grammar.values(s)).collect::<Vec<_>>();
        let mut sampler = Self {
            start: grammar.start(),
            plans: Vec::with_capacity(grammar.rules().len()),
            sums: Vec::new(),
            first_child: vec![0],
            children: Vec::new(),
            depths: vec![Vec::new(); settings.len()],
            arranges: Vec::new(),
            grammar: Settings {
                weights: settings.iter().map(|values| grammar.prior(values)).collect(),
                sizes: grammar.attributes().iter().map(|a| a.values.len()).collect(),
                values: settings,
            },
        };
        for rule in grammar.rules() {
            let first = sampler.sums.len() as u32;
            let (kind, enough) = match &rule.body {
                Body::Choice(productions) => {
                    let mut enough = 0;
                    let mut sum = 0.0;
                    for production in productions {
                        sum += production.weight;
                        sampler.add(sum, production.rules());
                        for (depths, values) in sampler.depths.iter_mut().zip(&sampler.grammar.values) {
                            let allowed = production.when.as_ref().is_none_or(|g| g.holds(values));
                            let deepest = production.rules().map(|r| grammar.least_depth(*r, values)).max();
                            let depth =
                                if allowed { deepest.unwrap_or(0).saturating_add(1) } else { u32::MAX };
                            depths.push(depth);
                            enough = enough.max(depth);
                        }
                    }
                    (Kind::Choice, enough)
                }
                Body::Hole(hole) => {
                    let mut sum = 0.0;
                    for fill in &hole.fills {
                        sum += fill.weight;
                        sampler.add(sum, std::iter::empty());
                        sampler.depths.iter_mut().for_each(|d| d.push(1));
                    }
                    (Kind::Hole, 1)
                }
                Body::Arrange(arrange) => {
                    sampler.arranges.push((arrange.clone(), Presence::new(arrange)));
                    (Kind::Arrange(sampler.arranges.len() as u32 - 1), u32::MAX)
                }
            };
            let n = sampler.sums.len() as u32 - first;
            sampler.plans.push(Plan { kind, first, n, enough });
        }
        sampler
    }

    fn add<'a>(&mut self, sum: f64, children: impl Iterator<Item = &'a RuleId>) {
        self.sums.push(sum);
        self.children.extend(children);
        self.first_child.push(self.children.len() as u32);
    }

    /// A derivation of at most `depth` levels.
    ///
    /// # Errors
    /// [`GrammarError::Budget`] when the flattest derivation is deeper; [`GrammarError::Exhausted`] when a drawn tree
    /// grows above a million nodes.
    pub fn sample(&self, rng: &mut Stream, depth: u32) -> Result<Tree, GrammarError> {
        let mut tree = Tree::default();
        self.sample_into(rng, depth, &mut tree)?;
        Ok(tree)
    }

    /// As [`Sampler::sample`], in the place and with the memory of `tree`.
    ///
    /// # Errors
    /// As [`Sampler::sample`]; `tree` has no nodes then.
    pub fn sample_into(&self, rng: &mut Stream, depth: u32, tree: &mut Tree) -> Result<(), GrammarError> {
        let setting = if self.grammar.weights.len() == 1 {
            0
        } else {
            rng.weighted(&self.grammar.weights).unwrap_or(0)
        };
        tree.attributes.clone_from(&self.grammar.values[setting]);
        tree.texts.clear();
        tree.nodes.clear();
        tree.next = 0;
        self.grow(self.start, setting, depth, rng, &mut tree.nodes)?;
        tree.next = tree.nodes.len() as u32;
        Ok(())
    }

    /// A subtree for `rule` under the attributes of `tree`, of at most `depth` levels; the ids count from 0.
    pub(crate) fn regrow(
        &self,
        rule: RuleId,
        attributes: &[u32],
        depth: u32,
        rng: &mut Stream,
    ) -> Result<Vec<Node>, GrammarError> {
        let mut nodes = Vec::new();
        self.grow(rule, self.setting(attributes), depth, rng, &mut nodes)?;
        Ok(nodes)
    }

    fn setting(&self, attributes: &[u32]) -> usize {
        let pairs = self.grammar.sizes.iter().zip(attributes);
        pairs.rev().fold(0, |number, (n, value)| number * n + *value as usize)
    }

    fn grow(
        &self,
        rule: RuleId,
        setting: usize,
        depth: u32,
        rng: &mut Stream,
        nodes: &mut Vec<Node>,
    ) -> Result<(), GrammarError> {
        let depths = &self.depths[setting];
        let mut stack: Vec<(RuleId, u32)> = Vec::with_capacity(32);
        let mut present = Vec::new();
        stack.push((rule, depth));
        while let Some((rule, left)) = stack.pop() {
            if nodes.len() >= MOST_NODES {
                nodes.clear();
                return Err(GrammarError::Exhausted { draws: 1, within: format!("{MOST_NODES} nodes") });
            }
            let plan = self.plans[rule.index()];
            let below = stack.len();
            let pick = match plan.kind {
                Kind::Hole => self.draw(plan, rng),
                Kind::Choice => {
                    let drawn = if left >= plan.enough {
                        Some(self.draw(plan, rng))
                    } else {
                        self.draw_flat(plan, depths, left, rng)
                    };
                    let Some(pick) = drawn else {
                        nodes.clear();
                        let least = least(plan, depths) as usize;
                        let (budget, unit) = (left as usize, "levels");
                        return Err(GrammarError::Budget { budget, unit, least });
                    };
                    let at = (plan.first + pick) as usize;
                    let children = self.first_child[at] as usize..self.first_child[at + 1] as usize;
                    stack.extend(self.children[children].iter().rev().map(|child| (*child, left - 1)));
                    pick
                }
                Kind::Arrange(arrange) => {
                    let (arrange, presence) = &self.arranges[arrange as usize];
                    presence.draw(rng, &mut present);
                    arrange.order(&mut present, rng);
                    let child = |m: &usize| (arrange.members[*m].rule, left.saturating_sub(1));
                    stack.extend(present.iter().rev().map(child));
                    present.len() as u32
                }
            };
            // The number of children stands in `size` until all are known.
            let children = (stack.len() - below) as u32;
            nodes.push(Node { rule, pick, size: children, id: nodes.len() as u32 });
        }
        set_sizes(nodes, |node| node.size as usize);
        Ok(())
    }

    fn draw(&self, plan: Plan, rng: &mut Stream) -> u32 {
        let sums = &self.sums[plan.first as usize..(plan.first + plan.n) as usize];
        if sums.len() == 1 {
            return 0;
        }
        let u = rng.unit() * sums[sums.len() - 1];
        let at = if sums.len() <= 8 {
            sums.iter().position(|s| u < *s).unwrap_or(sums.len() - 1)
        } else {
            sums.partition_point(|s| *s <= u)
        };
        at as u32
    }

    /// Draws among the productions that end within `left` levels.
    fn draw_flat(&self, plan: Plan, depths: &[u32], left: u32, rng: &mut Stream) -> Option<u32> {
        let (first, n) = (plan.first as usize, plan.n as usize);
        let weight = |i: usize| {
            let before = if i == 0 { 0.0 } else { self.sums[first + i - 1] };
            if depths[first + i] <= left { self.sums[first + i] - before } else { 0.0 }
        };
        let weights: Vec<f64> = (0..n).map(weight).collect();
        rng.weighted(&weights).map(|i| i as u32)
    }
}

/// The flattest production of a rule.
fn least(plan: Plan, depths: &[u32]) -> u32 {
    let range = plan.first as usize..(plan.first + plan.n) as usize;
    depths[range].iter().copied().min().unwrap_or(u32::MAX)
}
