//! Moving the weights of a grammar towards what good derivations use.

use serde::{Deserialize, Serialize};

use super::rule::{Arrange, Body, RuleId};
use super::{Grammar, GrammarError, pairs};
use crate::tree::Tree;

/// How [`Grammar::learn`] moves weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Learning {
    /// How far weights move towards what was used; 0 to 1.
    pub rate: f64,
    /// Share that no production in use falls below, nor half of the equal share where that is less; 0 to 0.5. What is
    /// disabled stays so.
    pub floor: f64,
    /// How many uses the present weights count for; finite and at least 0.
    pub prior: f64,
}

impl Default for Learning {
    fn default() -> Self {
        Self { rate: 0.3, floor: 0.02, prior: 1.0 }
    }
}

impl Learning {
    pub(crate) fn check(&self) -> Result<(), GrammarError> {
        let fault =
            |field: &str, value: f64, allowed: &str| Err(GrammarError::range(field.into(), value, allowed));
        if !(0.0..=1.0).contains(&self.rate) {
            return fault("rate", self.rate, "0 to 1");
        }
        if !(0.0..=0.5).contains(&self.floor) {
            return fault("floor", self.floor, "0 to 0.5");
        }
        if !(self.prior.is_finite() && self.prior >= 0.0) {
            return fault("prior", self.prior, "finite and at least 0");
        }
        Ok(())
    }

    /// Moves shares towards counts, keeping the floor for what is enabled.
    fn moved(&self, weights: &[f64], counts: &[f64]) -> Vec<f64> {
        let (total, uses): (f64, f64) = (weights.iter().sum(), counts.iter().sum());
        if uses <= 0.0 || total <= 0.0 {
            return weights.to_vec();
        }
        let enabled = weights.iter().filter(|w| **w > 0.0).count();
        let floor = self.floor.min(0.5 / enabled as f64);
        let step = |(w, n): (&f64, &f64)| {
            let old = w / total;
            let seen = (n + self.prior * old) / (uses + self.prior);
            if *w > 0.0 { ((1.0 - self.rate) * old + self.rate * seen).max(floor) } else { 0.0 }
        };
        let raised: Vec<f64> = weights.iter().zip(counts).map(step).collect();
        let sum: f64 = raised.iter().sum();
        raised.into_iter().map(|w| w / sum).collect()
    }

    fn moved_coin(&self, coin: f64, heads: f64, n: f64) -> f64 {
        if coin <= 0.0 || coin >= 1.0 || n <= 0.0 {
            return coin;
        }
        let seen = (heads + self.prior * coin) / (n + self.prior);
        ((1.0 - self.rate) * coin + self.rate * seen).clamp(self.floor, 1.0 - self.floor)
    }
}

impl Grammar {
    /// Moves all weights towards what `trees` use, each tree with its own weight (those not above 0 are left out).
    ///
    /// Productions, fills and values of attributes move by their shares: `theta <- (1 - rate) theta + rate (n + prior
    /// theta) / (N + prior)`, then up to the floor. Presences of members move likewise, and utilities towards those that
    /// make the seen orders likeliest (minorisation-maximisation for Plackett & Luce: Hunter, "MM algorithms for
    /// generalized Bradley-Terry models", Annals of Statistics 2004), each pair counted `prior` times both ways. Pairs
    /// that stand in one order 30 times or more get corrections of their own where the utilities do not explain them.
    /// Deterministic; O(nodes + members^2).
    ///
    /// # Errors
    /// [`GrammarError::Range`] when an option is outside its range, [`GrammarError::Tree`] when a tree is of another
    /// grammar; nothing is changed then.
    pub fn learn(&mut self, trees: &[(&Tree, f64)], how: &Learning) -> Result<(), GrammarError> {
        how.check()?;
        let trees: Vec<&(&Tree, f64)> = trees.iter().filter(|(_, w)| w.is_finite() && *w > 0.0).collect();
        for (tree, _) in &trees {
            tree.check(self)?;
        }
        for (i, attribute) in self.attributes.iter_mut().enumerate() {
            let mut counts = vec![0.0; attribute.values.len()];
            for (tree, weight) in &trees {
                counts[tree.attributes()[i] as usize] += weight;
            }
            let weights: Vec<f64> = attribute.values.iter().map(|v| v.weight).collect();
            for (value, weight) in attribute.values.iter_mut().zip(how.moved(&weights, &counts)) {
                value.weight = weight;
            }
        }
        let n = |body: &Body| match body {
            Body::Choice(productions) => productions.len(),
            Body::Hole(hole) => hole.fills.len(),
            Body::Arrange(_) => 0,
        };
        let mut counts: Vec<Vec<f64>> = self.rules.iter().map(|rule| vec![0.0; n(&rule.body)]).collect();
        let mut orders: Vec<Vec<(Vec<usize>, f64)>> = vec![Vec::new(); self.rules.len()];
        for (tree, weight) in &trees {
            for (at, node) in tree.nodes().iter().enumerate() {
                match &self.rules[node.rule.index()].body {
                    Body::Arrange(arrange) => {
                        orders[node.rule.index()].push((members(arrange, tree, at), *weight));
                    }
                    _ if node.pick == Tree::WRITTEN => {}
                    _ => counts[node.rule.index()][node.pick as usize] += weight,
                }
            }
        }
        for ((rule, counts), orders) in self.rules.iter_mut().zip(&counts).zip(&orders) {
            match &mut rule.body {
                Body::Choice(productions) => {
                    let weights: Vec<f64> = productions.iter().map(|p| p.weight).collect();
                    for (production, weight) in productions.iter_mut().zip(how.moved(&weights, counts)) {
                        production.weight = weight;
                    }
                }
                Body::Hole(hole) => {
                    let weights: Vec<f64> = hole.fills.iter().map(|f| f.weight).collect();
                    for (fill, weight) in hole.fills.iter_mut().zip(how.moved(&weights, counts)) {
                        fill.weight = weight;
                    }
                }
                Body::Arrange(arrange) => learn_arrangement(arrange, orders, how),
            }
        }
        Ok(())
    }

    /// The natural logarithm of the probability of a derivation; texts written into holes count for nothing.
    ///
    /// # Errors
    /// [`GrammarError::Tree`] when it is of another grammar.
    pub fn log_probability(&self, tree: &Tree) -> Result<f64, GrammarError> {
        tree.check(self)?;
        let mut sum = self.prior(tree.attributes()).ln();
        for (at, node) in tree.nodes().iter().enumerate() {
            sum += match &self.rules[node.rule.index()].body {
                Body::Choice(productions) => {
                    let usable =
                        |p: &&super::Production| p.when.as_ref().is_none_or(|g| g.holds(tree.attributes()));
                    let total: f64 = productions.iter().filter(usable).map(|p| p.weight).sum();
                    (productions[node.pick as usize].weight / total).ln()
                }
                Body::Hole(hole) => {
                    let total: f64 = hole.fills.iter().map(|f| f.weight).sum();
                    hole.fills.get(node.pick as usize).map_or(0.0, |fill| (fill.weight / total).ln())
                }
                Body::Arrange(arrange) => {
                    let order = members(arrange, tree, at);
                    super::Presence::new(arrange).log(&order) + arrange.log_order(&order)
                }
            };
        }
        Ok(sum)
    }

    /// Sets the weight of a production, a fill or, for arrangements, the presence of a member.
    ///
    /// # Errors
    /// [`GrammarError::Range`] when there is no such place or the value is outside its range, and what
    /// [`super::Draft::build`] refuses, as when the last usable production would be disabled. Nothing is changed then.
    pub fn set_weight(&mut self, rule: RuleId, at: usize, weight: f64) -> Result<(), GrammarError> {
        let mut rules = self.rules.clone();
        let place = rules.get_mut(rule.index()).and_then(|rule| match &mut rule.body {
            Body::Choice(productions) => productions.get_mut(at).map(|p| &mut p.weight),
            Body::Hole(hole) => hole.fills.get_mut(at).map(|f| &mut f.weight),
            Body::Arrange(arrange) => arrange.members.get_mut(at).map(|m| &mut m.presence),
        });
        let Some(place) = place else {
            let found = format!("place {at} of rule {}", rule.0);
            return Err(GrammarError::range(
                "a weight".into(),
                found,
                "a production, fill or member there is",
            ));
        };
        *place = weight;
        *self = Self::check(self.start, self.attributes.clone(), rules)?;
        Ok(())
    }
}

/// Positions of the members present at a node, in order.
pub(crate) fn members(arrange: &Arrange, tree: &Tree, node: usize) -> Vec<usize> {
    let member = |child: usize| {
        let rule = tree.nodes()[child].rule;
        arrange.members.iter().position(|m| m.rule == rule)
    };
    tree.children(node).filter_map(member).collect()
}

fn learn_arrangement(arrange: &mut Arrange, orders: &[(Vec<usize>, f64)], how: &Learning) {
    let total: f64 = orders.iter().map(|(_, w)| w).sum();
    if total <= 0.0 {
        return;
    }
    let n = arrange.members.len();
    for (j, member) in arrange.members.iter_mut().enumerate() {
        let heads: f64 = orders.iter().filter(|(order, _)| order.contains(&j)).map(|(_, w)| w).sum();
        member.presence = how.moved_coin(member.presence, heads, total);
    }
    // Ghost comparisons keep every utility finite, also where a member always comes first.
    let ghost = how.prior.max(1e-3);
    let mut strength = vec![1.0_f64; n];
    for _ in 0..50 {
        let mut wins = vec![ghost * (n - 1) as f64; n];
        let mut load = vec![0.0; n];
        for i in 0..n {
            for j in 0..n {
                if i != j {
                    load[i] += 2.0 * ghost / (strength[i] + strength[j]);
                }
            }
        }
        for (order, weight) in orders {
            for place in 0..order.len().saturating_sub(1) {
                let left: f64 = order[place..].iter().map(|m| strength[*m]).sum();
                wins[order[place]] += weight;
                for member in &order[place..] {
                    load[*member] += weight / left;
                }
            }
        }
        strength = wins.iter().zip(&load).map(|(w, l)| if *l > 0.0 { w / l } else { 1.0 }).collect();
        let mean = (strength.iter().map(|s| s.ln()).sum::<f64>() / n as f64).exp();
        for s in &mut strength {
            *s /= mean;
        }
    }
    for (member, strength) in arrange.members.iter_mut().zip(strength) {
        member.utility = (1.0 - how.rate) * member.utility + how.rate * strength.ln();
    }
    pairs::learn(arrange, orders, how);
}
