//! What makes a list of rules a grammar.

use std::collections::BTreeSet;

use super::rule::{Arrange, Body, Part, Production, Rule, RuleId, Text};
use super::{Attribute, Grammar, GrammarError, MOST_SETTINGS, Value};

impl Grammar {
    pub(super) fn check(
        start: RuleId,
        attributes: Vec<Attribute>,
        rules: Vec<Rule>,
    ) -> Result<Self, GrammarError> {
        check_attributes(&attributes)?;
        for rule in &rules {
            check_rule(rule, &attributes)?;
        }
        let mut grammar = Self { start, attributes, rules, depths: Vec::new(), recursive: false };
        for setting in 0..grammar.settings() {
            let values = grammar.values(setting);
            let depths = grammar.depths_under(&values);
            if let Some(rule) = grammar.first_without(&depths) {
                let name =
                    |(a, v): (&Attribute, &u32)| format!("{} = {}", a.name, a.values[*v as usize].name);
                let pairs: Vec<String> = grammar.attributes.iter().zip(&values).map(name).collect();
                let under =
                    if pairs.is_empty() { String::new() } else { format!(" under {}", pairs.join(", ")) };
                return Err(GrammarError::Unproductive { rule: grammar.rules[rule].name.clone(), under });
            }
            grammar.depths.push(depths);
        }
        let reached = grammar.reached();
        if let Some(rule) = reached.iter().position(|r| !r) {
            let (rule, start) = (grammar.rules[rule].name.clone(), grammar.rules[start.index()].name.clone());
            return Err(GrammarError::Unreachable { rule, start });
        }
        grammar.recursive = grammar.children_first().1;
        Ok(grammar)
    }

    /// The rule to blame where some derive nothing: one that others need before one that needs others.
    fn first_without(&self, depths: &[u32]) -> Option<usize> {
        let barren = |rule: &usize| depths[*rule] == u32::MAX;
        let reachable = self.children_first().0.into_iter().map(RuleId::index);
        reachable.chain(0..self.rules.len()).find(barren)
    }

    /// The rules that `rule` can use directly.
    pub(crate) fn used_by(&self, rule: RuleId) -> Vec<RuleId> {
        match &self.rules[rule.index()].body {
            Body::Choice(productions) => productions.iter().flat_map(Production::rules).copied().collect(),
            Body::Arrange(arrange) => arrange.members.iter().map(|m| m.rule).collect(),
            Body::Hole(_) => Vec::new(),
        }
    }

    /// Levels of the flattest derivation of every rule; `u32::MAX` where there is none.
    fn depths_under(&self, values: &[u32]) -> Vec<u32> {
        let mut depths = vec![u32::MAX; self.rules.len()];
        loop {
            let mut changed = false;
            for (i, rule) in self.rules.iter().enumerate() {
                let found = match &rule.body {
                    Body::Hole(_) => 1,
                    Body::Choice(productions) => {
                        let usable = |p: &&Production| {
                            p.weight > 0.0 && p.when.as_ref().is_none_or(|g| g.holds(values))
                        };
                        let depths = productions.iter().filter(usable).map(|p| depth_of(p, &depths));
                        depths.min().unwrap_or(u32::MAX)
                    }
                    Body::Arrange(arrange) => depth_of_arrangement(arrange, &depths),
                };
                if found < depths[i] {
                    depths[i] = found;
                    changed = true;
                }
            }
            if !changed {
                return depths;
            }
        }
    }

    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.rules.len()];
        let mut todo = vec![self.start];
        while let Some(rule) = todo.pop() {
            if !std::mem::replace(&mut reached[rule.index()], true) {
                todo.extend(self.used_by(rule));
            }
        }
        reached
    }

    /// All rules, what a rule uses before it as far as recursion allows, and whether there is recursion.
    pub(crate) fn children_first(&self) -> (Vec<RuleId>, bool) {
        const NEW: u8 = 0;
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let mut state = vec![NEW; self.rules.len()];
        let (mut order, mut recursive) = (Vec::new(), false);
        let mut stack = vec![(self.start, self.used_by(self.start))];
        state[self.start.index()] = OPEN;
        while let Some((rule, todo)) = stack.last_mut() {
            let rule = *rule;
            match todo.pop() {
                Some(next) if state[next.index()] == NEW => {
                    state[next.index()] = OPEN;
                    stack.push((next, self.used_by(next)));
                }
                Some(next) => recursive |= state[next.index()] == OPEN,
                None => {
                    state[rule.index()] = DONE;
                    order.push(rule);
                    stack.pop();
                }
            }
        }
        (order, recursive)
    }
}

pub(crate) fn depth_of(production: &Production, depths: &[u32]) -> u32 {
    let deepest = production.rules().map(|r| depths[r.index()]).max().unwrap_or(0);
    deepest.saturating_add(1)
}

fn depth_of_arrangement(arrange: &Arrange, depths: &[u32]) -> u32 {
    let depth = |rule: RuleId| depths[rule.index()];
    let mandatory = arrange.members.iter().filter(|m| m.presence >= 1.0).map(|m| depth(m.rule));
    let (n, deepest) = mandatory.fold((0, 0), |(n, d), next| (n + 1, next.max(d)));
    let mut optional: Vec<u32> = arrange
        .members
        .iter()
        .filter(|m| m.presence > 0.0 && m.presence < 1.0)
        .map(|m| depth(m.rule))
        .collect();
    optional.sort_unstable();
    let extra = arrange.least.saturating_sub(n);
    let further = if extra == 0 { 0 } else { optional.get(extra - 1).copied().unwrap_or(u32::MAX) };
    deepest.max(further).saturating_add(1)
}

fn check_attributes(attributes: &[Attribute]) -> Result<(), GrammarError> {
    for attribute in attributes {
        let place = || format!("attribute '{}'", attribute.name);
        if attribute.values.is_empty() {
            return Err(GrammarError::Empty { what: place(), of: "value" });
        }
        check_weights(attribute.values.iter().map(|v: &Value| v.weight), &place)?;
    }
    let settings = attributes.iter().fold(1_usize, |n, a| n.saturating_mul(a.values.len()));
    if settings > MOST_SETTINGS {
        let allowed = format!("at most {MOST_SETTINGS} combinations of values");
        return Err(GrammarError::range("attributes".into(), format!("{settings} combinations"), &allowed));
    }
    Ok(())
}

fn check_weights(weights: impl Iterator<Item = f64>, place: &dyn Fn() -> String) -> Result<(), GrammarError> {
    let mut total = 0.0;
    for weight in weights {
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(GrammarError::range(place(), format!("weight {weight}"), "finite and at least 0"));
        }
        total += weight;
    }
    if total > 0.0 && f64::is_finite(total) {
        Ok(())
    } else {
        Err(GrammarError::range(place(), format!("sum of weights {total}"), "finite and above 0"))
    }
}

fn check_rule(rule: &Rule, attributes: &[Attribute]) -> Result<(), GrammarError> {
    let place = || format!("rule '{}'", rule.name);
    let check_text = |text: &Text| match text {
        Text::By { attribute, variants } => match attributes.get(*attribute) {
            Some(a) if a.values.len() == variants.len() => Ok(()),
            Some(a) => {
                let allowed = format!("{}, one a value of '{}'", a.values.len(), a.name);
                Err(GrammarError::range(place(), format!("{} variants of a text", variants.len()), &allowed))
            }
            None => Err(unknown_attribute(place(), *attribute, attributes.len())),
        },
        Text::Fixed(_) => Ok(()),
    };
    match &rule.body {
        Body::Choice(productions) => {
            if productions.is_empty() {
                return Err(GrammarError::Empty { what: place(), of: "production" });
            }
            check_weights(productions.iter().map(|p| p.weight), &place)?;
            for production in productions {
                if let Some(guard) = &production.when {
                    let attribute = attributes
                        .get(guard.attribute)
                        .ok_or_else(|| unknown_attribute(place(), guard.attribute, attributes.len()))?;
                    if let Some(value) = guard.values.iter().find(|v| **v >= attribute.values.len()) {
                        let allowed = format!("0 to {} of '{}'", attribute.values.len() - 1, attribute.name);
                        return Err(GrammarError::range(
                            place(),
                            format!("value {value} of a guard"),
                            &allowed,
                        ));
                    }
                }
                for part in &production.parts {
                    if let Part::Text(text) = part {
                        check_text(text)?;
                    }
                }
            }
            Ok(())
        }
        Body::Arrange(arrange) => {
            check_text(&arrange.between)?;
            check_arrangement(arrange, &place)
        }
        Body::Hole(hole) => {
            if hole.fills.is_empty() {
                return Err(GrammarError::Empty { what: place(), of: "fill" });
            }
            check_weights(hole.fills.iter().map(|f| f.weight), &place)
        }
    }
}

fn unknown_attribute(place: String, attribute: usize, n: usize) -> GrammarError {
    GrammarError::range(place, format!("attribute {attribute}"), &format!("the {n} attributes, from 0"))
}

fn check_arrangement(arrange: &Arrange, place: &dyn Fn() -> String) -> Result<(), GrammarError> {
    let n = arrange.members.len();
    if n == 0 {
        return Err(GrammarError::Empty { what: place(), of: "member" });
    }
    let distinct: BTreeSet<RuleId> = arrange.members.iter().map(|m| m.rule).collect();
    if distinct.len() < n {
        return Err(GrammarError::range(place(), "a member that is listed twice", "each member once"));
    }
    for member in &arrange.members {
        if !(0.0..=1.0).contains(&member.presence) {
            return Err(GrammarError::range(place(), format!("presence {}", member.presence), "0 to 1"));
        }
        if !member.utility.is_finite() {
            return Err(GrammarError::range(place(), format!("utility {}", member.utility), "finite"));
        }
    }
    for pair in &arrange.pairs {
        if pair.first >= n || pair.then >= n || pair.first == pair.then || !pair.bonus.is_finite() {
            let found = format!("pair {} before {} with bonus {}", pair.first, pair.then, pair.bonus);
            let allowed = format!("two of the {n} members, from 0, and a finite bonus");
            return Err(GrammarError::range(place(), found, &allowed));
        }
    }
    let mandatory = arrange.members.iter().filter(|m| m.presence >= 1.0).count();
    let possible = arrange.members.iter().filter(|m| m.presence > 0.0).count();
    if arrange.least > arrange.most || arrange.most < mandatory || arrange.least > possible {
        let found = format!("{} to {} members", arrange.least, arrange.most);
        let allowed = format!("a range that meets {mandatory} to {possible}, all mandatory ones included");
        return Err(GrammarError::range(place(), found, &allowed));
    }
    Ok(())
}
