//! What modules use of one rule.

use std::collections::BTreeMap;

use crate::grammar::{Body, Grammar, Part, Rule};
use crate::tree::Tree;

/// Concentrations that are compared.
const GRID: [f64; 10] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Uses of options of one rule, by module and name of the option.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(BTreeMap<usize, BTreeMap<String, f64>>);

impl Pool {
    pub(super) fn add(&mut self, module: usize, counts: BTreeMap<String, f64>) {
        self.0.insert(module, counts);
    }

    pub(super) fn is_shared(&self) -> bool {
        self.0.len() > 1
    }

    /// Uses in a module.
    pub(super) fn uses(&self, module: usize) -> f64 {
        self.0.get(&module).map_or(0.0, |counts| counts.values().sum())
    }

    /// The shared share of an option: uses in all modules, one use spread evenly added; none where one module alone
    /// has it.
    pub(super) fn share(&self, option: &str) -> Option<f64> {
        let holders = self.0.values().filter(|counts| counts.contains_key(option)).count();
        (holders > 1).then(|| {
            let used: f64 = self.0.values().filter_map(|counts| counts.get(option)).sum();
            let all: f64 = self.0.values().flat_map(BTreeMap::values).sum();
            let options = self.0.values().map(BTreeMap::len).max().unwrap_or(1).max(1) as f64;
            (used + 1.0 / options) / (all + 1.0)
        })
    }

    /// The concentration that makes the modules' uses likeliest, of a grid (Dirichlet-multinomial likelihood), with a
    /// weak preference for the middle.
    pub(super) fn concentration(&self) -> f64 {
        let names: std::collections::BTreeSet<&String> = self.0.values().flat_map(BTreeMap::keys).collect();
        let shares: BTreeMap<&String, f64> =
            names.into_iter().filter_map(|n| Some((n, self.share(n)?))).collect();
        let likelihood = |c: f64| {
            let module = |counts: &BTreeMap<String, f64>| {
                let known = counts.iter().filter_map(|(name, n)| Some((shares.get(name)?, n)));
                let n: f64 = known.clone().map(|(_, n)| n).sum();
                let each = known.map(|(p, n)| libm::lgamma(c * p + n) - libm::lgamma(c * p)).sum::<f64>();
                libm::lgamma(c) - libm::lgamma(c + n) + each
            };
            let prior = (c / 8.0).ln();
            self.0.values().map(module).sum::<f64>() - prior * prior / 18.0
        };
        let best = GRID.iter().map(|c| (likelihood(*c), *c)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(8.0, |(_, c)| c)
    }
}

/// Uses of the options of every choice and hole of a grammar, by rule and name of the option; unused ones count 0.
pub(super) fn counts(grammar: &Grammar, trees: &[(&Tree, f64)]) -> BTreeMap<String, BTreeMap<String, f64>> {
    let names: Vec<Vec<String>> = grammar.rules().iter().map(|rule| option_names(grammar, rule)).collect();
    let mut out: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for (rule, names) in grammar.rules().iter().zip(&names) {
        if !matches!(rule.body, Body::Arrange(_)) {
            out.insert(rule.name.clone(), names.iter().map(|n| (n.clone(), 0.0)).collect());
        }
    }
    for (tree, weight) in trees.iter().filter(|(_, w)| w.is_finite() && *w > 0.0) {
        for node in tree.nodes() {
            let rule = &grammar.rules()[node.rule.index()];
            let option = names[node.rule.index()].get(node.pick as usize);
            if let (Some(counts), Some(option)) = (out.get_mut(&rule.name), option) {
                *counts.entry(option.clone()).or_default() += weight;
            }
        }
    }
    out
}

/// What tells the options of a rule apart in any grammar: the text of a fill, the parts of a production by name.
pub(super) fn option_names(grammar: &Grammar, rule: &Rule) -> Vec<String> {
    match &rule.body {
        Body::Hole(hole) => hole.fills.iter().map(|f| f.text.clone()).collect(),
        Body::Choice(productions) => {
            let part = |part: &Part| match part {
                Part::Rule(id) => grammar.rule(*id).map_or(String::new(), |r| format!("<{}>", r.name)),
                other => format!("{other:?}"),
            };
            let name = |p: &crate::grammar::Production| {
                format!("{:?}{}", p.when, p.parts.iter().map(part).collect::<String>())
            };
            productions.iter().map(name).collect()
        }
        Body::Arrange(_) => Vec::new(),
    }
}
