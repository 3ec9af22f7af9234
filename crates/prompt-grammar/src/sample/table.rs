//! How likely derivations of every length are.

use crate::Tokens;
use crate::grammar::{Arrange, Body, Grammar, Part, Presence, Production, RuleId};

/// Sweeps over rules that use each other without writing anything, before what is left is taken for nothing.
const MOST_SWEEPS: usize = 10_000;

/// Probabilities by cost under one setting of the attributes.
///
/// The cost of a derivation is the sum of the costs of its productions and fills; the cost of one is a lower bound of
/// what its texts add to the length, in buckets, rounded down. So a derivation never costs more than its true length.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// `mass[rule][c]`: the probability that the rule's derivation costs exactly `c`.
    pub(super) mass: Vec<Vec<f64>>,
    pub(super) rules: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) enum Entry {
    Choice(Vec<Option<Line>>),
    Hole(Vec<Option<Line>>),
    Arrange(Members),
}

/// A production or fill that may be used.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) share: f64,
    pub(super) cost: usize,
    pub(super) children: Vec<RuleId>,
    /// `tail[j][c]`: the probability that the children `j..` cost exactly `c`.
    pub(super) tail: Vec<Vec<f64>>,
}

#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) rules: Vec<RuleId>,
    pub(super) coins: Vec<f64>,
    pub(super) least: usize,
    pub(super) most: usize,
    total: f64,
    /// What the texts between so many members cost.
    pub(super) between: Vec<usize>,
    /// `tail[j][k][c]`: the probability that exactly `k` of the members `j..` are present and cost exactly `c`.
    pub(super) tail: Vec<Vec<Vec<f64>>>,
}

impl Table {
    /// The table for costs below `n`, in buckets of `width`.
    pub(super) fn new(
        grammar: &Grammar,
        values: &[u32],
        tokens: &dyn Tokens,
        width: usize,
        n: usize,
    ) -> Self {
        let entry = |body: &Body| match body {
            Body::Choice(productions) => {
                let weight = |p: &Production| {
                    if p.when.as_ref().is_none_or(|g| g.holds(values)) { p.weight } else { 0.0 }
                };
                let total: f64 = productions.iter().map(weight).sum();
                let line = |p: &Production| {
                    let texts = p.parts.iter().map(|part| match part {
                        Part::Text(text) => tokens.at_least(text.under(values)),
                        _ => 0,
                    });
                    let children: Vec<RuleId> = p.rules().copied().collect();
                    let tail = vec![vec![0.0; n]; children.len()];
                    let cost = texts.sum::<usize>() / width;
                    (weight(p) > 0.0 && cost < n).then(|| Line {
                        share: weight(p) / total,
                        cost,
                        children,
                        tail,
                    })
                };
                Entry::Choice(productions.iter().map(line).collect())
            }
            Body::Hole(hole) => {
                let total: f64 = hole.fills.iter().map(|f| f.weight).sum();
                let line = |f: &crate::grammar::Fill| {
                    let cost = tokens.at_least(&f.text) / width;
                    let line = Line { share: f.weight / total, cost, children: Vec::new(), tail: Vec::new() };
                    (f.weight > 0.0 && cost < n).then_some(line)
                };
                Entry::Hole(hole.fills.iter().map(line).collect())
            }
            Body::Arrange(arrange) => Entry::Arrange(Members::new(arrange, values, tokens, width, n)),
        };
        let rules: Vec<Entry> = grammar.rules().iter().map(|rule| entry(&rule.body)).collect();
        let mass = vec![vec![0.0; n]; rules.len()];
        let mut table = Self { mass, rules };
        let (order, recursive) = grammar.children_first();
        for c in 0..n {
            for _ in 0..MOST_SWEEPS {
                let mut change = 0.0_f64;
                for rule in &order {
                    change = change.max(table.update(*rule, c));
                }
                if !recursive || change < 1e-15 {
                    break;
                }
            }
        }
        table
    }

    /// Computes the entries of a rule at cost `c` from all at most as dear; gives by how much its mass changed.
    fn update(&mut self, rule: RuleId, c: usize) -> f64 {
        let Self { mass, rules } = self;
        let entry = &mut rules[rule.index()];
        let sum = match entry {
            Entry::Hole(lines) => {
                lines.iter().flatten().filter(|line| line.cost == c).map(|line| line.share).sum()
            }
            Entry::Choice(lines) => {
                let mut sum = 0.0;
                for line in lines.iter_mut().flatten() {
                    for j in (0..line.children.len()).rev() {
                        let child = &mass[line.children[j].index()];
                        line.tail[j][c] = match line.tail.get(j + 1) {
                            None => child[c],
                            Some(rest) => convolve(child, rest, c),
                        };
                    }
                    sum += line.share * line.mass(c);
                }
                sum
            }
            Entry::Arrange(members) => members.update(mass, c),
        };
        let old = std::mem::replace(&mut mass[rule.index()][c], sum);
        (sum - old).abs()
    }
}

impl Line {
    /// The probability that this production costs exactly `c`, given that it is used.
    pub(super) fn mass(&self, c: usize) -> f64 {
        let Some(left) = c.checked_sub(self.cost) else { return 0.0 };
        match self.tail.first() {
            None => f64::from(u8::from(left == 0)),
            Some(tail) => tail[left],
        }
    }
}

impl Members {
    fn new(arrange: &Arrange, values: &[u32], tokens: &dyn Tokens, width: usize, n: usize) -> Self {
        let presence = Presence::new(arrange);
        let most = presence.most();
        let text = tokens.at_least(arrange.between.under(values));
        let mut tail = vec![vec![vec![0.0; n]; most + 1]; arrange.members.len() + 1];
        tail[arrange.members.len()][0][0] = 1.0;
        Self {
            rules: arrange.members.iter().map(|m| m.rule).collect(),
            coins: arrange.members.iter().map(|m| m.presence).collect(),
            least: presence.least(),
            most,
            total: presence.total(),
            between: (0..=most).map(|k| text * k.saturating_sub(1) / width).collect(),
            tail,
        }
    }

    fn update(&mut self, mass: &[Vec<f64>], c: usize) -> f64 {
        for j in (0..self.rules.len()).rev() {
            let child = &mass[self.rules[j].index()];
            let coin = self.coins[j];
            for k in 0..=self.most {
                let mut sum = if coin < 1.0 { (1.0 - coin) * self.tail[j + 1][k][c] } else { 0.0 };
                if k > 0 && coin > 0.0 {
                    sum += coin * convolve(child, &self.tail[j + 1][k - 1], c);
                }
                self.tail[j][k][c] = sum;
            }
        }
        (self.least..=self.most).map(|k| self.mass(k, c)).sum::<f64>() / self.total
    }

    /// The weight of `k` members that cost exactly `c` with what stands between them.
    pub(super) fn mass(&self, k: usize, c: usize) -> f64 {
        c.checked_sub(self.between[k]).map_or(0.0, |left| self.tail[0][k][left])
    }
}

/// The probability that two independent costs sum up to `c`.
fn convolve(a: &[f64], b: &[f64], c: usize) -> f64 {
    a[..=c].iter().zip(b[..=c].iter().rev()).map(|(x, y)| x * y).sum()
}

/// A lower bound of the length of the start rule's shortest derivation.
pub(super) fn least(grammar: &Grammar, values: &[u32], tokens: &dyn Tokens) -> usize {
    let mut least = vec![usize::MAX; grammar.rules().len()];
    loop {
        let mut changed = false;
        for (i, rule) in grammar.rules().iter().enumerate() {
            let sum = |p: &Production| {
                p.parts.iter().fold(0_usize, |n, part| match part {
                    Part::Text(text) => n.saturating_add(tokens.at_least(text.under(values))),
                    Part::Rule(rule) => n.saturating_add(least[rule.index()]),
                    Part::Number => n,
                })
            };
            let found = match &rule.body {
                Body::Choice(productions) => {
                    let usable =
                        |p: &&Production| p.weight > 0.0 && p.when.as_ref().is_none_or(|g| g.holds(values));
                    productions.iter().filter(usable).map(sum).min().unwrap_or(usize::MAX)
                }
                Body::Hole(hole) => {
                    let drawn = hole.fills.iter().filter(|f| f.weight > 0.0);
                    drawn.map(|f| tokens.at_least(&f.text)).min().unwrap_or(usize::MAX)
                }
                Body::Arrange(arrange) => shortest_arrangement(arrange, &least, values, tokens),
            };
            if found < least[i] {
                least[i] = found;
                changed = true;
            }
        }
        if !changed {
            return least[grammar.start().index()];
        }
    }
}

fn shortest_arrangement(arrange: &Arrange, least: &[usize], values: &[u32], tokens: &dyn Tokens) -> usize {
    let length = |m: &crate::grammar::Member| least[m.rule.index()];
    let (mandatory, others): (Vec<_>, Vec<_>) =
        arrange.members.iter().filter(|m| m.presence > 0.0).partition(|m| m.presence >= 1.0);
    let mut others: Vec<usize> = others.into_iter().map(length).collect();
    others.sort_unstable();
    let extra = arrange.least.saturating_sub(mandatory.len());
    let between = tokens.at_least(arrange.between.under(values));
    let joints = (mandatory.len() + extra).saturating_sub(1);
    let lengths = mandatory.into_iter().map(length).chain(others.into_iter().take(extra));
    lengths.fold(between * joints, usize::saturating_add)
}
