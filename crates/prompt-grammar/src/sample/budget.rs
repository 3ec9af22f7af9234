use meta_traits::Stream;

use super::table::{Entry, Members, Table};
use crate::Tokens;
use crate::grammar::{Arrange, Body, Grammar, GrammarError, RuleId};
use crate::tree::{Node, Tree, set_sizes};

/// Costs that a table tells apart.
const BUCKETS: usize = 160;

/// Drawings before a budget is given up.
const ATTEMPTS: usize = 10_000;

/// Draws derivations within a budget: by the weights of the grammar, given that the text is no longer than the budget.
///
/// A dynamic programme over lower bounds of lengths proposes derivations that may fit, each as likely as the grammar
/// makes it; what is too long by the true count is drawn again. So the result is distributed exactly as what is left of
/// [`super::Sampler`]'s drawings when all that are too long are thrown away, at a cost that does not grow as the budget
/// gets tight. No limit of depth holds.
///
/// ```
/// use prompt_grammar::{BudgetSampler, Characters, Grammar};
/// use meta_traits::Stream;
/// let grammar = Grammar::from_bnf("<list> ::= @1 <word> | @9 <word> ' ' <list>   <word> ::= one | three")?;
/// let sampler = BudgetSampler::new(&grammar, &Characters, 12)?;
/// let mut rng = Stream::root(1);
/// for _ in 0..100 {
///     assert!(sampler.sample(&grammar, &Characters, &mut rng)?.render(&grammar).len() <= 12);
/// }
/// assert_eq!(
///     BudgetSampler::new(&grammar, &Characters, 2).unwrap_err().to_string(),
///     "grammar: no derivation has at most 2 characters; the shortest has at least 3"
/// );
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BudgetSampler {
    budget: usize,
    width: usize,
    /// For every setting with positive probability: its values, its table, and the probability of staying within.
    settings: Vec<(Vec<u32>, Table)>,
    weights: Vec<f64>,
}

impl BudgetSampler {
    /// Plans drawings of at most `budget` in the unit of `tokens`.
    ///
    /// O(settings x productions x children x 160^2), whatever the budget; some times as much where rules are recursive.
    ///
    /// # Errors
    /// [`GrammarError::Budget`] when no derivation is short enough.
    pub fn new(grammar: &Grammar, tokens: &dyn Tokens, budget: usize) -> Result<Self, GrammarError> {
        let width = (budget + 1).div_ceil(BUCKETS);
        let n = budget / width + 1;
        let (mut settings, mut weights) = (Vec::new(), Vec::new());
        for setting in 0..grammar.settings() {
            let values = grammar.values(setting);
            let prior = grammar.prior(&values);
            if prior > 0.0 {
                let table = Table::new(grammar, &values, tokens, width, n);
                weights.push(prior * table.mass[grammar.start().index()].iter().sum::<f64>());
                settings.push((values, table));
            }
        }
        if weights.iter().all(|w| *w <= 0.0) {
            let least = shortest(grammar, tokens);
            return Err(GrammarError::Budget { budget, unit: tokens.unit(), least });
        }
        Ok(Self { budget, width, settings, weights })
    }

    /// The budget.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// A derivation within the budget.
    ///
    /// `grammar` and `tokens` must be those it was planned for.
    ///
    /// # Errors
    /// [`GrammarError::Exhausted`] when 10,000 proposals were all too long by the true count.
    pub fn sample(
        &self,
        grammar: &Grammar,
        tokens: &dyn Tokens,
        rng: &mut Stream,
    ) -> Result<Tree, GrammarError> {
        let mut tree = Tree::default();
        let mut text = String::new();
        for _ in 0..ATTEMPTS {
            let Some(setting) = rng.weighted(&self.weights) else { break };
            let (values, table) = &self.settings[setting];
            tree.attributes.clone_from(values);
            tree.nodes.clear();
            if self.propose(grammar, table, grammar.start(), self.budget, rng, &mut tree.nodes) {
                text.clear();
                tree.render_into(grammar, &mut text);
                if tokens.count(&text) <= self.budget {
                    tree.next = tree.nodes.len() as u32;
                    return Ok(tree);
                }
            }
        }
        let within = format!("{} {}", self.budget, tokens.unit());
        Err(GrammarError::Exhausted { draws: ATTEMPTS, within })
    }

    /// A subtree for `rule` that adds at most about `room` to the length; none where the tables hold none.
    pub(crate) fn regrow(
        &self,
        grammar: &Grammar,
        rule: RuleId,
        attributes: &[u32],
        room: usize,
        rng: &mut Stream,
    ) -> Option<Vec<Node>> {
        let (_, table) = self.settings.iter().find(|(values, _)| values == attributes)?;
        let mut nodes = Vec::new();
        let grown = self.propose(grammar, table, rule, room.min(self.budget), rng, &mut nodes);
        grown.then_some(nodes)
    }

    fn propose(
        &self,
        grammar: &Grammar,
        table: &Table,
        rule: RuleId,
        room: usize,
        rng: &mut Stream,
        nodes: &mut Vec<Node>,
    ) -> bool {
        let within = &table.mass[rule.index()][..=room / self.width];
        let Some(cost) = rng.weighted(within) else { return false };
        let mut stack = vec![(rule, cost)];
        let mut present = Vec::new();
        while let Some((rule, cost)) = stack.pop() {
            let below = stack.len();
            let pick = match &table.rules[rule.index()] {
                Entry::Choice(lines) | Entry::Hole(lines) => {
                    let weight =
                        |l: &Option<super::table::Line>| l.as_ref().map_or(0.0, |l| l.share * l.mass(cost));
                    let weights: Vec<f64> = lines.iter().map(weight).collect();
                    let Some(pick) = rng.weighted(&weights) else { return false };
                    let Some(line) = &lines[pick] else { return false };
                    let mut left = cost - line.cost;
                    for (j, child) in line.children.iter().enumerate() {
                        let mine = match line.tail.get(j + 1) {
                            None => left,
                            Some(rest) => match split(&table.mass[child.index()], rest, left, rng) {
                                Some(mine) => mine,
                                None => return false,
                            },
                        };
                        stack.push((*child, mine));
                        left -= mine;
                    }
                    stack[below..].reverse();
                    pick as u32
                }
                Entry::Arrange(members) => {
                    present.clear();
                    if !choose(members, table, cost, rng, &mut present) {
                        return false;
                    }
                    let order = ordered(grammar, rule, &present, rng);
                    let child = |m: &usize| {
                        let cost = present.iter().find(|(p, _)| p == m).map_or(0, |(_, c)| *c);
                        (members.rules[*m], cost)
                    };
                    stack.extend(order.iter().rev().map(child));
                    order.len() as u32
                }
            };
            let children = (stack.len() - below) as u32;
            nodes.push(Node { rule, pick, size: children, id: nodes.len() as u32 });
        }
        set_sizes(nodes, |node| node.size as usize)
    }
}

/// Draws what the first of two parts costs, given that both cost `left`.
fn split(first: &[f64], rest: &[f64], left: usize, rng: &mut Stream) -> Option<usize> {
    let weights: Vec<f64> = (0..=left).map(|i| first[i] * rest[left - i]).collect();
    rng.weighted(&weights)
}

/// Draws which members are present and what each costs, given that all cost `cost`.
fn choose(
    members: &Members,
    table: &Table,
    cost: usize,
    rng: &mut Stream,
    present: &mut Vec<(usize, usize)>,
) -> bool {
    let counts: Vec<f64> =
        (0..=members.most).map(|k| if k < members.least { 0.0 } else { members.mass(k, cost) }).collect();
    let Some(mut k) = rng.weighted(&counts) else { return false };
    let mut left = cost - members.between[k];
    for j in 0..members.rules.len() {
        if k == 0 {
            break;
        }
        let absent = (1.0 - members.coins[j]) * members.tail[j + 1][k][left];
        if rng.unit() * members.tail[j][k][left] < absent {
            continue;
        }
        let Some(mine) = split(&table.mass[members.rules[j].index()], &members.tail[j + 1][k - 1], left, rng)
        else {
            return false;
        };
        present.push((j, mine));
        left -= mine;
        k -= 1;
    }
    k == 0
}

fn ordered(grammar: &Grammar, rule: RuleId, present: &[(usize, usize)], rng: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = present.iter().map(|(m, _)| *m).collect();
    if let Some(Body::Arrange(arrange)) = grammar.rule(rule).map(|r| &r.body) {
        Arrange::order(arrange, &mut order, rng);
    }
    order
}

/// A lower bound of the length of the shortest derivation, over all settings.
fn shortest(grammar: &Grammar, tokens: &dyn Tokens) -> usize {
    let of = |setting| super::table::least(grammar, &grammar.values(setting), tokens);
    (0..grammar.settings()).map(of).min().unwrap_or(0)
}
