//! Prompts as choices: slots with options, and an order of sections.
//!
//! A [`PromptSpace`] says which places a prompt has ([`Slot`]), what may stand there, and which sections these places
//! belong to ([`Section`]). One prompt is one [`Choices`]. It is the flat view of a derivation that learning needs:
//! the same choice in two prompts is the same thing, so what is seen of one says something about the other.

mod check;
mod choices;
mod edit;
mod joined;

use meta_traits::{Space, Stream};
use serde::{Deserialize, Serialize};

use crate::PromptError;

use self::check::{check_slot, unique};
use self::joined::Scope;

pub use self::choices::Choices;
pub use self::edit::Edit;

/// Most options a slot may have.
const MOST_OPTIONS: usize = u16::MAX as usize;

/// Something that can stand in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotOption {
    /// What stands there; unique in its slot.
    pub text: String,
    /// Tokens it adds to the prompt.
    pub tokens: u32,
    /// How often it is drawn beside the slot's other options; positive and finite.
    pub weight: f64,
}

impl SlotOption {
    /// An option of weight 1.
    pub fn new(text: impl Into<String>, tokens: u32) -> Self {
        Self { text: text.into(), tokens, weight: 1.0 }
    }
}

/// When a slot takes part: another slot has none of its options from 0 to `above`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The other slot; an earlier one.
    pub slot: usize,
    /// The last of its options with which this slot is out.
    pub above: u16,
}

/// A place where one of several options stands. Option 0 is what the seed prompt has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Its name, unique in the space.
    pub name: String,
    /// What may stand there; one at least.
    pub options: Vec<SlotOption>,
    /// When it takes part; always if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl Slot {
    /// A slot that always takes part.
    pub fn new(name: impl Into<String>, options: Vec<SlotOption>) -> Self {
        Self { name: name.into(), options, when: None }
    }
}

/// A part of the prompt that keeps together and has a place among the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its name, unique in the space.
    pub name: String,
    /// It is there when one of these slots has another option than 0; always if the list is empty.
    pub shown_by: Vec<usize>,
}

/// All prompts made of the same slots and sections, within a limit of tokens.
///
/// ```
/// use meta_traits::{Space, Stream};
/// use prompt_grammar::space::{PromptSpace, Section, Slot, SlotOption};
///
/// let role = Slot::new("role", vec![SlotOption::new("", 0), SlotOption::new("You are an expert.", 5)]);
/// let tone = Slot::new("tone", vec![SlotOption::new("plain", 0), SlotOption::new("firm", 2)]);
/// let sections = vec![
///     Section { name: "role".into(), shown_by: vec![0] },
///     Section { name: "task".into(), shown_by: vec![] },
/// ];
/// let space = PromptSpace::new(vec![role, tone], sections, Some(6))?;
/// let prompt = space.sample(&mut Stream::root(1));
/// assert!(space.contains(&prompt) && space.tokens(&prompt) <= 6);
/// assert!(!space.is_present(&space.seed(), 0));
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct PromptSpace {
    slots: Vec<Slot>,
    sections: Vec<Section>,
    token_limit: Option<u32>,
    utilities: Vec<f64>,
    /// Ends of the spaces it was joined of; empty for one that was not.
    scopes: Vec<Scope>,
}

/// The written form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    slots: Vec<Slot>,
    sections: Vec<Section>,
    token_limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    utilities: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Scope>,
}

impl TryFrom<Raw> for PromptSpace {
    type Error = PromptError;
    fn try_from(raw: Raw) -> Result<Self, PromptError> {
        Self::new(raw.slots, raw.sections, raw.token_limit)?.ordered(raw.utilities)?.scoped(raw.scopes)
    }
}

impl From<PromptSpace> for Raw {
    fn from(space: PromptSpace) -> Self {
        let PromptSpace { slots, sections, token_limit, utilities, scopes } = space;
        Self { slots, sections, token_limit, utilities, scopes }
    }
}

impl PromptSpace {
    /// The space of these slots and sections. Its seed must fit `token_limit`.
    ///
    /// # Errors
    /// [`PromptError`] when there is no slot, a slot has no option or more than 65,535, a name or text is there twice,
    /// a weight is not positive and finite, a condition or section names a slot that is not there (or not earlier), or
    /// the seed has more tokens than the limit.
    pub fn new(
        slots: Vec<Slot>,
        sections: Vec<Section>,
        token_limit: Option<u32>,
    ) -> Result<Self, PromptError> {
        if slots.is_empty() {
            return Err(PromptError::Empty { what: "the list of slots" });
        }
        for (i, slot) in slots.iter().enumerate() {
            check_slot(i, slot, &slots)?;
        }
        unique("slots", slots.iter().map(|s| s.name.as_str()))?;
        unique("sections", sections.iter().map(|s| s.name.as_str()))?;
        for section in &sections {
            if let Some(slot) = section.shown_by.iter().find(|&&s| s >= slots.len()) {
                let field = format!("sections.{}.shown_by", section.name);
                return Err(PromptError::range(&field, slot, &format!("0 to {}", slots.len() - 1)));
            }
        }
        let space = Self { slots, sections, token_limit, utilities: Vec::new(), scopes: Vec::new() };
        let needed = space.tokens(&space.seed());
        match token_limit {
            Some(limit) if needed > limit => Err(PromptError::range(
                "token_limit",
                limit,
                &format!("at least {needed}, the seed's tokens"),
            )),
            _ => Ok(space),
        }
    }

    /// The same with orders drawn by Plackett & Luce's model: one section after the other, the next in proportion to
    /// exp(utility). Without utilities all orders are equally likely.
    ///
    /// # Errors
    /// [`PromptError::Range`] when there is not one finite utility a section (or none at all).
    pub fn ordered(mut self, utilities: Vec<f64>) -> Result<Self, PromptError> {
        let n = self.sections.len();
        if !utilities.is_empty() && utilities.len() != n {
            return Err(PromptError::range("utilities", utilities.len(), &format!("{n}, one a section")));
        }
        if let Some(utility) = utilities.iter().find(|u| !u.is_finite()) {
            return Err(PromptError::range("utilities", utility, "finite"));
        }
        self.utilities = utilities;
        Ok(self)
    }

    fn order(&self, rng: &mut Stream) -> Vec<u16> {
        let mut order: Vec<u16> = (0..self.sections.len() as u16).collect();
        if self.utilities.is_empty() {
            rng.shuffle(&mut order);
            return order;
        }
        let top = self.utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for i in 0..order.len().saturating_sub(1) {
            let weight = |s: &u16| (self.utilities[usize::from(*s)] - top).exp();
            let weights: Vec<f64> = order[i..].iter().map(weight).collect();
            let next = i + rng.weighted(&weights).unwrap_or(0);
            order[i..=next].rotate_right(1);
        }
        order
    }

    /// The slots in order.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The sections in the seed's order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Tokens a prompt may have, where there is a limit.
    pub fn token_limit(&self) -> Option<u32> {
        self.token_limit
    }

    /// Option 0 everywhere, sections in their own order.
    pub fn seed(&self) -> Choices {
        Choices::new(vec![0; self.slots.len()], (0..self.sections.len() as u16).collect())
    }

    /// Whether `slot` takes part in `prompt`.
    pub fn is_active(&self, prompt: &Choices, slot: usize) -> bool {
        match self.slots[slot].when {
            None => true,
            Some(when) => prompt.option(when.slot) > when.above && self.is_active(prompt, when.slot),
        }
    }

    /// Whether `section` stands in `prompt`.
    pub fn is_present(&self, prompt: &Choices, section: usize) -> bool {
        let by = &self.sections[section].shown_by;
        by.is_empty() || by.iter().any(|&s| self.is_active(prompt, s) && prompt.option(s) != 0)
    }

    /// Tokens of `prompt`: the sum over the slots that take part.
    pub fn tokens(&self, prompt: &Choices) -> u32 {
        self.tokens_of(prompt, 0..self.slots.len())
    }

    fn tokens_of(&self, prompt: &Choices, slots: std::ops::Range<usize>) -> u32 {
        let of = |i: usize| {
            let there = self.is_active(prompt, i);
            if there { self.slots[i].options[usize::from(prompt.option(i))].tokens } else { 0 }
        };
        slots.map(of).fold(0, u32::saturating_add)
    }

    /// Whether `prompt` has at most the tokens allowed.
    pub fn fits(&self, prompt: &Choices) -> bool {
        self.token_limit.is_none_or(|limit| self.tokens(prompt) <= limit) && self.parts_fit(prompt)
    }

    /// `prompt` with option 0 in the slots that take no part, and sections of joined spaces among their own: two prompts
    /// that read the same are then equal in these.
    #[must_use]
    pub fn canonical(&self, mut prompt: Choices) -> Choices {
        for slot in 0..self.slots.len() {
            if !self.is_active(&prompt, slot) {
                prompt.choose(slot, 0);
            }
        }
        if !self.scopes.is_empty() {
            prompt.sort_sections(|section| self.scope_of_section(section));
        }
        prompt
    }
}

impl Space for PromptSpace {
    type Point = Choices;

    /// Options by their weights, orders by their utilities; drawn anew until it fits the limit, after 64 times the seed.
    fn sample(&self, rng: &mut Stream) -> Choices {
        for _ in 0..64 {
            let drawn = self.slots.iter().map(|slot| {
                let weights: Vec<f64> = slot.options.iter().map(|o| o.weight).collect();
                rng.weighted(&weights).unwrap_or(0) as u16
            });
            let options = drawn.collect();
            let prompt = self.canonical(Choices::new(options, self.order(rng)));
            if self.fits(&prompt) {
                return prompt;
            }
        }
        self.seed()
    }

    fn contains(&self, prompt: &Choices) -> bool {
        let options = prompt.options();
        let sound = |(slot, &o): (&Slot, &u16)| usize::from(o) < slot.options.len();
        let mut order = prompt.order().to_vec();
        order.sort_unstable();
        options.len() == self.slots.len()
            && self.slots.iter().zip(options).all(sound)
            && order.iter().copied().eq(0..self.sections.len() as u16)
            && self.fits(prompt)
    }
}
