//! Prompts read into sections, without losing a byte.
//!
//! An [`Outline`] is a partition of the text: heads, bodies, closings and gaps, each as written. What is recognised
//! becomes structure, the rest stays literal; so [`Outline::render`] gives back every text byte for byte.
//! [`Outline::grammar`] makes a grammar of it, in which the prompt is one derivation among its neighbours.

mod compose;
mod diff;
mod heads;
mod kind;
mod paragraphs;

use serde::{Deserialize, Serialize};

use crate::PromptError;

pub use self::diff::{Change, changes};
pub use self::kind::SectionKind;

/// Sections a prompt is cut into at most; the last takes the rest.
const MOST_SECTIONS: usize = 24;

/// How sections are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delimiters {
    /// By empty lines alone.
    Plain,
    /// `## Title` on a line.
    Headings,
    /// `<title>` and `</title>` on lines.
    Tags,
    /// `Title:` at the beginning of a line.
    Labels,
    /// `1. Title` on a line.
    Numbers,
}

/// A part of a prompt, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Section {
    /// What it is for.
    pub kind: SectionKind,
    /// Its title without marks; empty where it has none.
    pub title: String,
    /// The head with its marks and line end; empty where there is none.
    pub head: String,
    /// The content.
    pub body: String,
    /// What closes it, such as `</role>` with the line end before.
    pub close: String,
    /// What stands between it and the next section, or at the end.
    pub gap: String,
}

/// A prompt in sections.
///
/// ```
/// use prompt_grammar::outline::{Delimiters, Outline, SectionKind};
/// let text = "## Role\nYou are a clerk.\n\n## Task\nSort this: {{ input }}\n";
/// let outline = Outline::parse(text);
/// assert_eq!(outline.delimiters(), Delimiters::Headings);
/// let kinds: Vec<SectionKind> = outline.sections().iter().map(|s| s.kind).collect();
/// assert_eq!(kinds, [SectionKind::Role, SectionKind::Task]);
/// assert_eq!(outline.render(), text);
/// assert!(Outline::parse_bytes(b"Sort \xff").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    delimiters: Delimiters,
    /// What stands before the first section.
    lead: String,
    sections: Vec<Section>,
}

impl Outline {
    /// Reads a prompt. Every text is a prompt. O(length).
    pub fn parse(text: &str) -> Self {
        let outline = heads::read(text).unwrap_or_else(|| paragraphs::read(text));
        debug_assert_eq!(outline.render(), text, "an outline is a partition of its text");
        outline
    }

    /// Reads a prompt from bytes.
    ///
    /// # Errors
    /// [`PromptError::Encoding`] with the place of the first byte that is no UTF-8.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, PromptError> {
        let text = std::str::from_utf8(bytes).map_err(|e| PromptError::Encoding { at: e.valid_up_to() })?;
        Ok(Self::parse(text))
    }

    /// The prompt as it was read, byte for byte.
    pub fn render(&self) -> String {
        let parts = |s: &Section| [s.head.clone(), s.body.clone(), s.close.clone(), s.gap.clone()].concat();
        self.sections.iter().fold(self.lead.clone(), |text, section| text + &parts(section))
    }

    /// How sections are told apart.
    pub fn delimiters(&self) -> Delimiters {
        self.delimiters
    }

    /// What stands before the first section.
    pub fn lead(&self) -> &str {
        &self.lead
    }

    /// The sections in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}
