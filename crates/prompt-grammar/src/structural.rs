//! A proposer that needs no model: small typed edits of prompts for label and short-answer tasks.
//!
//! A prompt is read into parts (role, instruction, ending, list of labels, examples, frame around the input), one or
//! two parts are changed, and the result is written out again. What is not recognised stays word for word. Examples
//! come from a [`Bank`] of training examples only. This is the thin first part of the prompt grammar: the parts are
//! its nonterminals, the library of wordings its terminals.

mod bank;
mod edit;
mod frame;
mod layout;
mod wording;

use meta_traits::{Query, Stream};
use serde::{Deserialize, Serialize};

use self::edit::{Edit, Source};
use self::layout::Layout;
use crate::{PromptError, placeholder};

pub use self::bank::Bank;

/// Drawings of edits before a proposal is given up.
const ATTEMPTS: u64 = 64;

/// Settings of [`Structural`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StructuralOptions {
    /// Examples a prompt may show; 0 to 32.
    pub max_shots: usize,
    /// Characters a prompt may have; at least 1.
    pub max_length: usize,
    /// How often a proposal makes a second edit; 0 to 1.
    pub second_edit: f64,
}

impl Default for StructuralOptions {
    fn default() -> Self {
        Self { max_shots: 8, max_length: 2000, second_edit: 0.3 }
    }
}

/// Writes new versions of prompts by small edits.
///
/// ```
/// use meta_traits::{Components, ExampleId, Query, QueryId, Split, Stream};
/// use prompt_grammar::structural::{Bank, Structural, StructuralOptions};
///
/// let item = |i: u32| {
///     let label = ["billing", "access"][i as usize % 2];
///     (ExampleId::new(Split::Train, i), format!("ticket {i}"), label.to_string())
/// };
/// let proposer = Structural::new(Bank::new((0..8).map(item))?, StructuralOptions::default())?;
/// let candidate: Components = [("sort", "Which team?\n\nTicket: {{ input }}\nTeam:")].into_iter().collect();
/// let query = Query::new(QueryId(0), "sort".into(), candidate.clone(), Vec::new());
/// let new = proposer.propose(&query, Stream::root(3))?;
/// assert_ne!(Some(new.as_str()), candidate.get("sort"));
/// assert_eq!(new.matches("{{ input }}").count(), 1);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Structural {
    bank: Bank,
    options: StructuralOptions,
}

impl Structural {
    /// A proposer that draws examples and labels from `bank`.
    ///
    /// # Errors
    /// [`PromptError::Range`] when an option is outside its range.
    pub fn new(bank: Bank, options: StructuralOptions) -> Result<Self, PromptError> {
        if options.max_shots > 32 {
            return Err(PromptError::range("max_shots", options.max_shots, "0 to 32"));
        }
        if options.max_length == 0 {
            return Err(PromptError::range("max_length", options.max_length, "at least 1"));
        }
        if !(0.0..=1.0).contains(&options.second_edit) {
            return Err(PromptError::range("second_edit", options.second_edit, "0 to 1"));
        }
        Ok(Self { bank, options })
    }

    /// A new version of the component `query` asks for; a pure function of its arguments.
    ///
    /// It differs from the present text, has the same placeholders and fits the length limit. Examples in the query's
    /// evidence that went wrong make other examples with their answers likelier to be shown; they themselves are not
    /// added, since the new text is tried on them next. O(text x attempts).
    ///
    /// # Errors
    /// [`PromptError::UnknownComponent`] when the candidate lacks the component; [`PromptError::NoEdit`] when none of
    /// 64 drawings gave a legal text, as when the present text is far above the limit.
    pub fn propose(&self, query: &Query, stream: Stream) -> Result<String, PromptError> {
        let Some(text) = query.candidate.get(&query.component) else {
            let allowed = query.candidate.names().collect::<Vec<_>>().join(", ");
            return Err(PromptError::UnknownComponent { name: query.component.clone(), allowed });
        };
        let bank = self.bank.of_component(&query.component);
        let source = Source::new(&bank, self.options.max_shots, query);
        let layout = Layout::parse(text, self.bank.placeholder());
        (0..ATTEMPTS)
            .find_map(move |i| self.attempt(&source, &layout, text, stream.child("attempt", i)))
            .ok_or_else(|| PromptError::NoEdit {
                component: query.component.clone(),
                limit: self.options.max_length,
            })
    }

    /// One or two edits; `None` when they do not lead to another legal text.
    fn attempt(&self, source: &Source<'_>, now: &Layout, text: &str, mut rng: Stream) -> Option<String> {
        let mut layout = now.clone();
        let edits = 1 + usize::from(rng.chance(self.options.second_edit));
        let weights = Edit::DRAWN.map(|(_, w)| w);
        for _ in 0..edits {
            let (edit, _) = Edit::DRAWN[rng.weighted(&weights)?];
            if !source.apply(edit, &mut layout, &mut rng) {
                return None;
            }
        }
        let new = layout.to_string();
        let same_placeholders = placeholder::difference(text, &new) == (Vec::new(), Vec::new());
        // A text that reads back as other parts would lose structure at the next edit.
        let legal = new != text
            && new.chars().count() <= self.options.max_length
            && same_placeholders
            && Layout::parse(&new, self.bank.placeholder()) == layout;
        legal.then_some(new)
    }
}
