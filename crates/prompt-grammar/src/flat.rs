//! Derivations as prompts of a [`PromptSpace`]: the bridge from a grammar to learning.
//!
//! A grammar says what a prompt is made of; the search learns best where the same choice in two prompts is the same
//! thing. [`Flat`] makes a slot of every choice of a grammar without recursion: values of attributes, productions,
//! fills of holes, and whether optional members are there. The members of the topmost arrangement become sections whose
//! order is drawn by its Plackett-Luce utilities.

mod build;
mod cost;
mod system;
mod write;

use serde::{Deserialize, Serialize};

use crate::grammar::{Grammar, RuleId, Source};
use crate::library::Library;
use crate::outline::Outline;
use crate::space::{Choices, PromptSpace};
use crate::tree::Tree;
use crate::{PromptError, Tokens};

pub use self::system::FlatSystem;

/// What an option of a slot stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    /// Nothing is there.
    Absent,
    /// This production or fill, or whatever is below.
    Taken(u32),
    /// A text that is no fill of the grammar.
    Written(String),
}

/// When a place is out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Gate {
    /// Never.
    Open,
    /// Its slot has this option.
    Slot(usize, u16),
    /// None of the members of its arrangement, at this place, is there.
    Members(usize),
}

/// A rule at one place of the prompt.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    rule: RuleId,
    gate: Gate,
    /// The slot that picks here; without one the first pick holds.
    slot: Option<usize>,
    picks: Vec<Pick>,
    /// A choice: places by production, empty for those that are disabled. An arrangement: one list, its members in
    /// the order in which they stand.
    below: Vec<Vec<usize>>,
}

/// What a [`Flat`] space leaves open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlatOptions {
    /// Length a prompt may have, in the unit of the counter; none: any.
    pub limit: Option<usize>,
    /// Whether structure may change: attributes, productions, which members are there and in which order. Without,
    /// texts of holes alone may.
    pub structure: bool,
    /// Flattens or sharpens the weights that options are drawn by, each to the power of its inverse; 1 leaves them, and
    /// the higher it is the more alike they are. Above 0.
    pub temperature: f64,
}

impl Default for FlatOptions {
    fn default() -> Self {
        Self { limit: None, structure: true, temperature: 1.0 }
    }
}

impl FlatOptions {
    /// Everything open within a length.
    pub fn within(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }
}

/// A grammar without recursion, seen from one derivation, as a space of prompts.
///
/// The derivation is the seed of the space. What is written for any choices is a derivation of the grammar; choices that
/// the grammar forbids together (guards, too few or too many members) are repaired towards the seed. Tokens of the space
/// bound those of the text from above, so a limit holds for every prompt of the space. Deterministic.
///
/// ```
/// use prompt_grammar::flat::{Flat, FlatOptions};
/// use prompt_grammar::library::{Library, TaskKind};
/// use prompt_grammar::outline::Outline;
/// use prompt_grammar::{Characters, Tokens};
/// use meta_traits::{Space, Stream};
///
/// let text = "You are a clerk.\n\nWhich team takes this ticket? {{ input }}";
/// let library = Library::of_task(TaskKind::Qa);
/// let flat = Flat::of_outline(&Outline::parse(text), &library, &Characters, &FlatOptions::within(300))?;
/// assert_eq!(flat.render(&flat.space().seed()), text);
/// let other = flat.render(&flat.space().sample(&mut Stream::root(1)));
/// assert!(other.contains("Which team takes this ticket? {{ input }}") && Characters.count(&other) <= 300);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    grammar: Grammar,
    space: PromptSpace,
    sources: Vec<Vec<Source>>,
    /// For each attribute, the value that each option of its slot stands for, and the slot.
    attributes: Vec<(Option<usize>, Vec<u32>)>,
    places: Vec<Place>,
    root: usize,
    /// The place of the arrangement whose members are sections.
    top: Option<usize>,
}

impl Flat {
    /// The space around `seed`, a derivation of `grammar`.
    ///
    /// `tokens` measures length; its count of a text must be at most the sum over pieces, as it is for
    /// [`Estimate`](crate::Estimate) and [`Characters`](crate::Characters). O(places x productions).
    ///
    /// # Errors
    /// [`PromptError::Grammar`] when the tree is of another grammar, a rule leads back to itself, or there are more
    /// than 2,000 places; [`PromptError::Empty`] when there is nothing to choose; [`PromptError::Range`] when the seed
    /// is longer than the limit or the temperature is not above 0.
    pub fn new(
        grammar: &Grammar,
        seed: &Tree,
        tokens: &dyn Tokens,
        options: &FlatOptions,
    ) -> Result<Self, PromptError> {
        build::flat(grammar, seed, tokens, options)
    }

    /// The space around a prompt with the components of a library.
    ///
    /// # Errors
    /// See [`Flat::new`].
    pub fn of_outline(
        outline: &Outline,
        library: &Library,
        tokens: &dyn Tokens,
        options: &FlatOptions,
    ) -> Result<Self, PromptError> {
        let (grammar, tree) = outline.grammar(library)?;
        Self::new(&grammar, &tree, tokens, options)
    }

    /// The space; its seed is the derivation.
    pub fn space(&self) -> &PromptSpace {
        &self.space
    }

    /// The grammar.
    pub fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    /// Where an option comes from; [`Source::Seed`] where it is no text of a hole.
    pub fn source(&self, slot: usize, option: u16) -> Source {
        let sources = self.sources.get(slot);
        sources.and_then(|s| s.get(usize::from(option))).copied().unwrap_or_default()
    }

    /// The derivation of a prompt of the space.
    pub fn tree(&self, prompt: &Choices) -> Tree {
        write::tree(self, prompt)
    }

    /// The text of a prompt of the space.
    pub fn render(&self, prompt: &Choices) -> String {
        self.tree(prompt).render(&self.grammar)
    }

    /// The prompt that writes `tree`, a derivation of the grammar; `None` where the space has none, as for items of a
    /// list in another order, texts that are no options, and prompts above the limit.
    pub fn choices(&self, tree: &Tree) -> Option<Choices> {
        write::choices(self, tree)
    }

    /// Whether the place at this position is there.
    fn is_there(&self, place: usize, prompt: &Choices) -> bool {
        match &self.places[place].gate {
            Gate::Open => true,
            Gate::Slot(slot, out) => prompt.option(*slot) != *out,
            Gate::Members(of) => self.places[*of].below[0].iter().any(|m| self.is_there(*m, prompt)),
        }
    }
}
