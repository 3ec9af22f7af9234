//! Making slots of the choices of a grammar.

mod arrangement;
mod choices;
mod texts;

use super::cost::Costs;
use super::{Flat, FlatOptions, Gate, Pick, Place};
use crate::grammar::{Body, Grammar, GrammarError, RuleId, Source, Text};
use crate::space::{Condition, PromptSpace, Section, Slot, SlotOption};
use crate::tree::Tree;
use crate::{PromptError, Tokens};

/// Places a space may be made of.
const MOST_PLACES: usize = 2000;
/// What an option is called that leaves its place empty.
const ABSENT: &str = "(absent)";
/// What an option is called that fills its place, where there is no choice of texts.
const PRESENT: &str = "(present)";
/// The least share of an option that can be drawn.
const LEAST: f64 = 1e-3;

pub(super) fn flat(
    grammar: &Grammar,
    seed: &Tree,
    tokens: &dyn Tokens,
    options: &FlatOptions,
) -> Result<Flat, PromptError> {
    seed.check(grammar)?;
    if !(options.temperature.is_finite() && options.temperature > 0.0) {
        return Err(PromptError::range("temperature", options.temperature, "above 0"));
    }
    if grammar.is_recursive() {
        let (place, found) = ("the grammar of a flat space".into(), "recursion");
        return Err(GrammarError::range(place, found, "rules that do not lead back to themselves").into());
    }
    let costs = Costs { grammar, tokens };
    let mut builder = Builder::new(costs, seed, options.structure);
    let attributes = builder.attributes();
    let root = builder.place(grammar.start(), Some(0), None, Free::No)?;
    builder.price_attributes(&attributes);
    let needed = builder.base.saturating_add(builder.slots.iter().map(|s| s.options[0].tokens).sum());
    let limit = match options.limit {
        Some(limit) if needed as usize > limit => {
            return Err(PromptError::range("limit", limit, &format!("at least {needed}, the seed's length")));
        }
        Some(limit) => Some(u32::try_from(limit).unwrap_or(u32::MAX).saturating_sub(builder.base)),
        None => None,
    };
    let Builder { mut slots, sources, places, top, sections, utilities, .. } = builder;
    for option in slots.iter_mut().flat_map(|s| &mut s.options) {
        option.weight = option.weight.powf(1.0 / options.temperature).max(f64::MIN_POSITIVE);
    }
    let space = PromptSpace::new(slots, sections, limit)?.ordered(utilities)?;
    Ok(Flat { grammar: grammar.clone(), space, sources, attributes, places, root, top })
}

/// How the text of a place is paid for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Free {
    /// By the seed or by the options that write it.
    No,
    /// By the production above it.
    Yes,
}

/// Says that a place may be empty.
struct Optional {
    presence: f64,
    /// Length that comes with it.
    frame: u32,
    name: String,
}

struct Builder<'a> {
    costs: Costs<'a>,
    seed: &'a Tree,
    slots: Vec<Slot>,
    sources: Vec<Vec<Source>>,
    places: Vec<Place>,
    sections: Vec<Section>,
    utilities: Vec<f64>,
    top: Option<usize>,
    /// Length of what the seed writes and no slot decides.
    base: u32,
    /// For every attribute and value: what the seed's fixed texts are longer by.
    longer: Vec<Vec<u32>>,
    when: Option<Condition>,
    /// Whether more than texts of holes may change.
    structure: bool,
}

impl<'a> Builder<'a> {
    fn new(costs: Costs<'a>, seed: &'a Tree, structure: bool) -> Self {
        let longer = costs.grammar.attributes().iter().map(|a| vec![0; a.values.len()]).collect();
        Self {
            costs,
            seed,
            slots: Vec::new(),
            sources: Vec::new(),
            places: Vec::new(),
            sections: Vec::new(),
            utilities: Vec::new(),
            top: None,
            base: 0,
            longer,
            when: None,
            structure,
        }
    }
    /// A slot with a name and texts of options of its own.
    fn slot(&mut self, name: &str, mut options: Vec<SlotOption>, sources: Vec<Source>) -> usize {
        let taken = |n: &str| self.slots.iter().any(|s| s.name == n);
        let name = own_name(name, taken);
        for i in 1..options.len() {
            let (before, rest) = options.split_at_mut(i);
            rest[0].text = own_name(&rest[0].text, |t| before.iter().any(|o| o.text == t));
        }
        self.slots.push(Slot { name, options, when: self.when });
        self.sources.push(sources);
        self.slots.len() - 1
    }

    /// The length that a fixed text adds to what it stands in; 0 where the seed pays for it.
    fn text(&mut self, text: &Text, node: Option<usize>) -> u32 {
        if node.is_none() {
            return self.costs.most_of_text(text);
        }
        let own = self.costs.count(text.under(self.seed.attributes()));
        self.base = self.base.saturating_add(own);
        if let Text::By { attribute, variants } = text {
            for (value, variant) in variants.iter().enumerate() {
                let more = self.costs.count(variant).saturating_sub(own);
                let longer = &mut self.longer[*attribute][value];
                *longer = longer.saturating_add(more);
            }
        }
        0
    }

    /// Makes the place of a rule. `node` is where the seed has it, if it does.
    fn place(
        &mut self,
        rule: RuleId,
        node: Option<usize>,
        optional: Option<Optional>,
        free: Free,
    ) -> Result<usize, PromptError> {
        if self.places.len() >= MOST_PLACES {
            let allowed = format!("at most {MOST_PLACES}");
            let found = "more places";
            return Err(GrammarError::range("the places of a flat space".into(), found, &allowed).into());
        }
        let grammar = self.costs.grammar;
        let Some(written) = grammar.rule(rule) else {
            return Err(GrammarError::tree(0, "uses a rule that the grammar lacks").into());
        };
        let at = self.places.len();
        self.places.push(Place {
            rule,
            gate: Gate::Open,
            slot: None,
            picks: vec![Pick::Taken(0)],
            below: Vec::new(),
        });
        match &written.body {
            Body::Hole(hole) => self.hole(at, &written.name, hole, node, optional, free),
            Body::Choice(_) => self.choice(at, &written.name, node, optional, free)?,
            Body::Arrange(arrange) => self.arrangement(at, arrange, node, optional, free)?,
        }
        Ok(at)
    }

    /// Picks with their options; an empty one is put first or last.
    fn decide(
        &mut self,
        at: usize,
        name: &str,
        picks: Vec<Pick>,
        options: Vec<(SlotOption, Source)>,
        there: bool,
        optional: Option<Optional>,
    ) {
        let (mut picks, mut options) = (picks, options);
        let name = optional.as_ref().map_or(name, |o| o.name.as_str()).to_string();
        if let Some(optional) = optional {
            let total: f64 = options.iter().map(|(o, _)| o.weight).sum();
            for (option, _) in &mut options {
                option.weight = (option.weight / total * optional.presence).max(LEAST);
                option.tokens = option.tokens.saturating_add(optional.frame);
            }
            let weight = (1.0 - optional.presence).max(LEAST);
            let place = if there { options.len() } else { 0 };
            options.insert(place, (SlotOption { text: ABSENT.into(), tokens: 0, weight }, Source::Seed));
            picks.insert(place, Pick::Absent);
        }
        if picks.len() > 1 {
            let (options, sources) = options.into_iter().unzip();
            let slot = self.slot(&name, options, sources);
            self.places[at].slot = Some(slot);
            if let Some(out) = picks.iter().position(|p| *p == Pick::Absent) {
                self.places[at].gate = Gate::Slot(slot, out as u16);
            }
        } else if let Some((option, _)) = options.first() {
            self.base = self.base.saturating_add(option.tokens);
        }
        self.places[at].picks = picks;
    }
}

/// `name`, with a number behind it where it is taken.
fn own_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|n| format!("{name} #{n}"));
    std::iter::once(name.to_string()).chain(numbered).find(|n| !taken(n)).unwrap_or_default()
}
