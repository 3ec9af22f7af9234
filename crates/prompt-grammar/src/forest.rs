//! Several modules of one system as one forest: a grammar each, and weights that learn from each other.
//!
//! Rules of the same name in different modules are one rule seen in several places. The weights of its options in a
//! module are drawn around weights that all modules share (a hierarchical Dirichlet distribution; Teh et al. 2006); how
//! closely, its concentration, is learnt from how alike the modules' good derivations are. So what helps in one module is
//! tried in the others at once, and a rule whose modules disagree goes its own ways.

mod pool;

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use self::pool::{Pool, option_names};
use crate::PromptError;
use crate::grammar::{Body, Grammar, Learning};
use crate::sample::Sampler;
use crate::tree::Tree;

/// Levels that a module's trees may have.
const DEPTH: u32 = 24;

/// A system's modules with their grammars.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::forest::Forest;
/// use prompt_grammar::{Grammar, Learning, Sampler};
/// let module = || Grammar::from_bnf("<prompt> ::= <tone> ' please'   <tone> ::= firmly | kindly | tersely");
/// let mut forest = Forest::new(vec![("sort".into(), module()?), ("answer".into(), module()?)])?;
/// // Good systems sort firmly; nothing is known of the other module.
/// let firm = forest.grammar("sort").unwrap().parse("firmly please").unwrap().tree;
/// let systems: Vec<Vec<Option<&_>>> = (0..20).map(|_| vec![Some(&firm), None]).collect();
/// let weighted: Vec<_> = systems.iter().map(|trees| (trees.as_slice(), 1.0)).collect();
/// forest.learn(&weighted, &Learning { rate: 1.0, ..Learning::default() })?;
/// let drawn = (0..200).filter(|i| forest.sample(&Stream::root(*i)).unwrap()[1].render(forest.grammar("answer").unwrap())
///     == "firmly please").count();
/// assert!(drawn > 100, "the other module tries it too: {drawn}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, Grammar)>", into = "Vec<(String, Grammar)>")]
pub struct Forest {
    modules: Vec<(String, Grammar)>,
}

impl TryFrom<Vec<(String, Grammar)>> for Forest {
    type Error = PromptError;
    fn try_from(modules: Vec<(String, Grammar)>) -> Result<Self, PromptError> {
        Self::new(modules)
    }
}

impl From<Forest> for Vec<(String, Grammar)> {
    fn from(forest: Forest) -> Self {
        forest.modules
    }
}

impl Forest {
    /// The modules in order.
    ///
    /// # Errors
    /// [`PromptError::Empty`] without modules, [`PromptError::Repeated`] when two have one name.
    pub fn new(modules: Vec<(String, Grammar)>) -> Result<Self, PromptError> {
        if modules.is_empty() {
            return Err(PromptError::Empty { what: "the list of modules" });
        }
        let repeated = (1..modules.len()).find(|i| modules[..*i].iter().any(|(n, _)| *n == modules[*i].0));
        match repeated {
            Some(i) => Err(PromptError::Repeated { list: "modules", name: modules[i].0.clone() }),
            None => Ok(Self { modules }),
        }
    }

    /// The modules with their grammars.
    pub fn modules(&self) -> &[(String, Grammar)] {
        &self.modules
    }

    /// The grammar of a module.
    pub fn grammar(&self, module: &str) -> Option<&Grammar> {
        self.modules.iter().find(|(name, _)| name == module).map(|(_, grammar)| grammar)
    }

    /// A derivation for every module, in order, from its weights.
    ///
    /// # Errors
    /// What [`Sampler::sample`] refuses.
    pub fn sample(&self, stream: &Stream) -> Result<Vec<Tree>, PromptError> {
        let draw = |(i, (_, grammar)): (usize, &(String, Grammar))| {
            Sampler::new(grammar)
                .sample(&mut stream.child("module", i as u64), DEPTH)
                .map_err(PromptError::from)
        };
        self.modules.iter().enumerate().map(draw).collect()
    }

    /// Moves the weights of all modules towards what good systems use, one tree a module in their order, or none where a
    /// module was not varied.
    ///
    /// Each module learns from its own trees as [`Grammar::learn`] does; then the options of its choices and holes are
    /// drawn to the shared shares: `theta <- (n theta + c shared) / (n + c)`, where `n` counts the module's uses and
    /// `c` is the rule's concentration. A rule that one module alone has shares nothing. Deterministic.
    ///
    /// # Errors
    /// [`PromptError::Grammar`] for unsound settings or trees of another grammar; [`PromptError::Range`] when a system
    /// has another number of trees than there are modules. Nothing is changed then.
    pub fn learn(&mut self, systems: &[(&[Option<&Tree>], f64)], how: &Learning) -> Result<(), PromptError> {
        if let Some((trees, _)) = systems.iter().find(|(trees, _)| trees.len() != self.modules.len()) {
            let allowed = format!("{}, one a module", self.modules.len());
            return Err(PromptError::range("trees of a system", trees.len(), &allowed));
        }
        let mut modules = self.modules.clone();
        let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
        for (m, (_, grammar)) in modules.iter_mut().enumerate() {
            let own: Vec<(&Tree, f64)> = systems.iter().filter_map(|(t, w)| Some((t[m]?, *w))).collect();
            grammar.learn(&own, how)?;
            for (rule, counts) in pool::counts(grammar, &own) {
                pools.entry(rule).or_default().add(m, counts);
            }
        }
        for (rule, pool) in pools.iter().filter(|(_, pool)| pool.is_shared()) {
            let concentration = pool.concentration();
            for (m, (_, grammar)) in modules.iter_mut().enumerate() {
                drawn_to(grammar, rule, pool, m, concentration, how.rate)?;
            }
        }
        self.modules = modules;
        Ok(())
    }

    /// The subtree at `node` of a tree of module `from` in the place of one under a rule of the same name in a tree of
    /// module `to`; none where there is no such place, or the other grammar lacks what the subtree uses. Crossover across
    /// modules.
    pub fn transplanted(
        &self,
        (from, donor, node): (usize, &Tree, usize),
        (to, host): (usize, &Tree),
        rng: &mut Stream,
    ) -> Option<Tree> {
        let (source, target) = (&self.modules.get(from)?.1, &self.modules.get(to)?.1);
        let rule = target.id(&source.rule(donor.nodes().get(node)?.rule)?.name)?;
        let seats: Vec<usize> = (0..host.nodes().len()).filter(|s| host.nodes()[*s].rule == rule).collect();
        let seat = *rng.pick(&seats)?;
        let mut branch = donor.branch(node);
        for at in &mut branch.nodes {
            let written = source.rule(at.rule)?;
            let id = target.id(&written.name)?;
            let here = target.rule(id)?;
            match (&written.body, &here.body) {
                (Body::Arrange(_), Body::Arrange(_)) => {}
                (Body::Hole(theirs), Body::Hole(ours)) if !ours.protected => {
                    let text = match theirs.fills.get(at.pick as usize) {
                        Some(fill) => fill.text.clone(),
                        None => branch.texts.get(&at.id)?.clone(),
                    };
                    if let Some(known) = ours.fills.iter().position(|f| f.text == text) {
                        at.pick = known as u32;
                        branch.texts.remove(&at.id);
                    } else {
                        at.pick = Tree::WRITTEN;
                        branch.texts.insert(at.id, text);
                    }
                }
                (Body::Choice(_), Body::Choice(_)) => {
                    let name = option_names(source, written).get(at.pick as usize)?.clone();
                    at.pick = option_names(target, here).iter().position(|n| *n == name)? as u32;
                }
                _ => return None,
            }
            at.rule = id;
        }
        let mut child = host.clone();
        child.replace(seat, &branch);
        let kept = crate::placeholder::difference(&host.render(target), &child.render(target));
        (child.check(target).is_ok() && kept == (Vec::new(), Vec::new())).then_some(child)
    }
}

/// Draws the weights of a rule's options to the shared shares.
fn drawn_to(
    grammar: &mut Grammar,
    rule: &str,
    pool: &Pool,
    module: usize,
    concentration: f64,
    rate: f64,
) -> Result<(), PromptError> {
    let Some(id) = grammar.id(rule) else { return Ok(()) };
    let Some(written) = grammar.rule(id) else { return Ok(()) };
    let names = option_names(grammar, written);
    let weights: Vec<f64> = match &written.body {
        Body::Choice(productions) => productions.iter().map(|p| p.weight).collect(),
        Body::Hole(hole) => hole.fills.iter().map(|f| f.weight).collect(),
        Body::Arrange(_) => return Ok(()),
    };
    let n = pool.uses(module);
    let total: f64 = weights.iter().sum();
    // What is disabled here stays so, and what other modules lack keeps its own share.
    let known = |(name, w): (&String, &f64)| if *w > 0.0 { pool.share(name) } else { None };
    let shares: Vec<Option<f64>> = names.iter().zip(&weights).map(known).collect();
    let mass: f64 = shares.iter().zip(&weights).filter(|(s, _)| s.is_some()).map(|(_, w)| w).sum();
    let all: f64 = shares.iter().flatten().sum();
    if all <= 0.0 || mass <= 0.0 {
        return Ok(());
    }
    for (at, (share, weight)) in shares.iter().zip(&weights).enumerate() {
        if let Some(share) = share {
            let shared = share / all * mass / total;
            let own = weight / total;
            let pooled = (n * own + concentration * shared) / (n + concentration);
            let new = (1.0 - rate) * own + rate * pooled;
            grammar.set_weight(id, at, new.max(1e-6))?;
        } else if *weight > 0.0 {
            grammar.set_weight(id, at, weight / total)?;
        }
    }
    Ok(())
}
