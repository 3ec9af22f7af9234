//! Growing by evidence: only what goes with higher scores becomes a production.

use std::collections::BTreeSet;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::grow::key;
use super::{Grammar, GrammarError};
use crate::tree::Tree;

/// When a recurring subtree becomes a production of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Growth {
    /// Share of the best derivations that count as good; above 0, at most 1.
    pub elite: f64,
    /// Good derivations that must share a subtree, and derivations that must have it and lack it; at least 1.
    pub support: usize,
    /// Expected share of false ones among those that grow (Benjamini & Hochberg 1995); above 0, below 1.
    pub rate: f64,
    /// Permutations behind every p-value; at least 99.
    pub permutations: u64,
    /// Productions that grow at most at a time.
    pub most: usize,
}

impl Default for Growth {
    fn default() -> Self {
        Self { elite: 0.25, support: 5, rate: 0.05, permutations: 1999, most: 8 }
    }
}

/// A subtree that goes with higher scores.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Grown {
    /// Position of a derivation that has it, and where.
    pub tree: usize,
    /// The node there.
    pub node: usize,
    /// The production or fill that it became.
    pub place: usize,
    /// Mean score of those that have it less that of those that lack it.
    pub gain: f64,
    /// p-value by permuting scores.
    pub p: f64,
}

impl Growth {
    fn check(&self) -> Result<(), GrammarError> {
        let fault = |field: &str, value: &dyn std::fmt::Display, allowed: &str| {
            Err(GrammarError::range(field.into(), value, allowed))
        };
        if !(self.elite > 0.0 && self.elite <= 1.0) {
            return fault("elite", &self.elite, "above 0, at most 1");
        }
        if self.support == 0 {
            return fault("support", &self.support, "at least 1");
        }
        if !(self.rate > 0.0 && self.rate < 1.0) {
            return fault("rate", &self.rate, "above 0, below 1");
        }
        if self.permutations < 99 {
            return fault("permutations", &self.permutations, "at least 99");
        }
        Ok(())
    }
}

impl Grammar {
    /// Makes productions of the subtrees that good derivations share and that go with higher scores, the surest first;
    /// gives them. `scored` are derivations with scores, higher being better; scores that are not finite are left out.
    ///
    /// Each candidate's p-value is that of the difference of means under permutation of scores, one-sided,
    /// (b + 1) / (m + 1); the expected share of false ones is kept by Benjamini and Hochberg's rule. A search chooses what
    /// it tries, so this is observational. The weight of a new production is its share of the good derivations' uses.
    /// O(candidates x permutations x derivations).
    ///
    /// # Errors
    /// [`GrammarError::Range`] when an option is outside its range, [`GrammarError::Tree`] when a tree is of another
    /// grammar; nothing is changed then.
    pub fn grow_by_evidence(
        &mut self,
        scored: &[(&Tree, f64)],
        how: &Growth,
        stream: &Stream,
    ) -> Result<Vec<Grown>, GrammarError> {
        how.check()?;
        for (tree, _) in scored {
            tree.check(self)?;
        }
        let places: Vec<usize> = (0..scored.len()).filter(|i| scored[*i].1.is_finite()).collect();
        let mut best = places.clone();
        best.sort_by(|a, b| scored[*b].1.total_cmp(&scored[*a].1).then(a.cmp(b)));
        best.truncate((how.elite * best.len() as f64).ceil() as usize);
        let elite: Vec<&Tree> = best.iter().map(|i| scored[*i].0).collect();
        let scores: Vec<f64> = places.iter().map(|i| scored[*i].1).collect();
        let mut found: Vec<Grown> = Vec::new();
        for (c, candidate) in self.recurring(&elite, how.support).into_iter().enumerate() {
            if candidate.node == 0 {
                continue;
            }
            let wanted = key(elite[candidate.tree], candidate.node);
            let has: Vec<bool> = places.iter().map(|i| keys(scored[*i].0).contains(&wanted)).collect();
            let n = has.iter().filter(|h| **h).count();
            if n < how.support || has.len() - n < how.support {
                continue;
            }
            let (gain, p) = test(&scores, &has, how.permutations, &mut stream.child("candidate", c as u64));
            found.push(Grown { tree: best[candidate.tree], node: candidate.node, place: 0, gain, p });
        }
        found.sort_by(|a, b| a.p.total_cmp(&b.p).then(b.gain.total_cmp(&a.gain)));
        let m = found.len() as f64;
        let passing = (0..found.len()).rev().find(|k| found[*k].p <= how.rate * (k + 1) as f64 / m);
        found.truncate(passing.map_or(0, |k| k + 1).min(how.most));
        let mut grown = self.clone();
        let mut kept = Vec::new();
        for mut new in found {
            let tree = scored[new.tree].0;
            let rule = tree.nodes()[new.node].rule;
            let uses = |t: &&Tree| t.nodes().iter().filter(|n| n.rule == rule).count();
            let all: usize = elite.iter().map(uses).sum();
            let wanted = key(tree, new.node);
            let own = elite.iter().filter(|t| keys(t).contains(&wanted)).count();
            let weight =
                (own as f64 / all.max(1) as f64).clamp(0.02, 0.5) * grown.weights(rule).iter().sum::<f64>();
            // What cannot stand alone, such as an arrangement or what writes a number, is left as it is.
            if let Ok(place) = grown.grow(tree, new.node, weight) {
                new.place = place;
                kept.push(new);
            }
        }
        *self = grown;
        Ok(kept)
    }

    /// The weights of productions or fills of a rule.
    fn weights(&self, rule: super::RuleId) -> Vec<f64> {
        match &self.rules[rule.index()].body {
            super::Body::Choice(productions) => productions.iter().map(|p| p.weight).collect(),
            super::Body::Hole(hole) => hole.fills.iter().map(|f| f.weight).collect(),
            super::Body::Arrange(_) => Vec::new(),
        }
    }
}

fn keys(tree: &Tree) -> BTreeSet<Vec<u8>> {
    (0..tree.nodes().len()).map(|node| key(tree, node)).collect()
}

/// The difference of means, and its one-sided p-value by permutation.
fn test(scores: &[f64], has: &[bool], permutations: u64, rng: &mut Stream) -> (f64, f64) {
    let gain = difference(scores, has);
    let mut shuffled = has.to_vec();
    let mut reached = 0_u64;
    for _ in 0..permutations {
        rng.shuffle(&mut shuffled);
        reached += u64::from(difference(scores, &shuffled) >= gain - 1e-12);
    }
    (gain, (reached + 1) as f64 / (permutations + 1) as f64)
}

fn difference(scores: &[f64], has: &[bool]) -> f64 {
    let (mut with, mut without) = ((0.0, 0.0), (0.0, 0.0));
    for (score, has) in scores.iter().zip(has) {
        let side = if *has { &mut with } else { &mut without };
        *side = (side.0 + score, side.1 + 1.0);
    }
    with.0 / f64::max(with.1, 1.0) - without.0 / f64::max(without.1, 1.0)
}
