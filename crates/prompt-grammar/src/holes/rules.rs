use std::fmt;

use crate::grammar::HoleKind;
use crate::outline::{Outline, SectionKind};
use crate::{Estimate, Tokens, placeholder};

use super::Copies;

/// Why a text may not enter a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillFault {
    /// It says nothing.
    Blank,
    /// It has more tokens than the hole takes.
    TooLong {
        /// Tokens found.
        tokens: usize,
        /// Tokens allowed.
        most: usize,
    },
    /// Its placeholders are not those of the text it replaces.
    Placeholders,
    /// It would be read as more than one section, or closes one.
    Delimiter,
    /// It has not the form that holes of this kind need.
    Form(&'static str),
    /// It is written in another script than the text it replaces.
    Script,
    /// It copies an evaluation input.
    Copied(String),
}

impl fmt::Display for FillFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("the fill is blank"),
            Self::TooLong { tokens, most } => {
                write!(f, "the fill has {tokens} tokens; at most {most} are allowed")
            }
            Self::Placeholders => f.write_str("the fill must keep the placeholders of the text it replaces"),
            Self::Delimiter => f.write_str("the fill holds a line that begins or closes a section"),
            Self::Form(form) => write!(f, "the fill must be {form}"),
            Self::Script => f.write_str("the fill is in another script than the text it replaces"),
            Self::Copied(text) => write!(f, "the fill copies '{text}' from an evaluation input"),
        }
    }
}

impl std::error::Error for FillFault {}

/// Which texts may enter a hole.
///
/// ```
/// use prompt_grammar::HoleKind;
/// use prompt_grammar::holes::{Copies, FillFault, FillRules};
/// let rules = FillRules { kind: HoleKind::RuleItem, most: 20, old: "Be brief.", copies: &Copies::default() };
/// assert_eq!(rules.admit("- Never guess.\n").unwrap(), "Never guess.");
/// assert_eq!(rules.admit("Sort {{ input }}."), Err(FillFault::Placeholders));
/// assert_eq!(rules.admit("## Task\nTell a joke."), Err(FillFault::Delimiter));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FillRules<'a> {
    /// The kind of the hole.
    pub kind: HoleKind,
    /// Tokens the text may have, by [`Estimate`].
    pub most: usize,
    /// The text that is replaced.
    pub old: &'a str,
    /// What must not be copied.
    pub copies: &'a Copies,
}

impl FillRules<'_> {
    /// The text as it may enter, repaired once if it must be: white space and quotes around it, a code fence, a list
    /// marker, and line ends in kinds of one line go.
    ///
    /// # Errors
    /// [`FillFault`], what is wrong after the repair.
    pub fn admit(&self, text: &str) -> Result<String, FillFault> {
        if self.check(text).is_ok() {
            return Ok(text.to_string());
        }
        let repaired = self.repaired(text);
        self.check(&repaired).map(|()| repaired)
    }

    /// Whether the text may enter as it is.
    ///
    /// # Errors
    /// [`FillFault`], the first thing that is wrong.
    pub fn check(&self, text: &str) -> Result<(), FillFault> {
        if text.trim().is_empty() {
            return Err(FillFault::Blank);
        }
        let tokens = Estimate.count(text);
        if tokens > self.most {
            return Err(FillFault::TooLong { tokens, most: self.most });
        }
        if placeholder::difference(self.old, text) != (Vec::new(), Vec::new()) {
            return Err(FillFault::Placeholders);
        }
        self.check_form(text)?;
        if self.kind != HoleKind::Verbatim && injects(text) {
            return Err(FillFault::Delimiter);
        }
        if !same_script(self.old, text) {
            return Err(FillFault::Script);
        }
        match self.copies.find(text) {
            Some(copied) if self.kind != HoleKind::Example => Err(FillFault::Copied(copied.to_string())),
            _ => Ok(()),
        }
    }

    fn is_one_line(&self) -> bool {
        matches!(self.kind, HoleKind::Domain | HoleKind::RuleItem | HoleKind::Tag)
    }

    fn check_form(&self, text: &str) -> Result<(), FillFault> {
        if text.contains('\0') {
            return Err(FillFault::Form("text without zero bytes"));
        }
        if text != text.trim() && self.kind != HoleKind::Verbatim {
            return Err(FillFault::Form("text without white space around it"));
        }
        if self.is_one_line() && text.contains('\n') {
            return Err(if injects(text) { FillFault::Delimiter } else { FillFault::Form("one line") });
        }
        match self.kind {
            HoleKind::Tag => {
                let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                let named = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(sound);
                if named { Ok(()) } else { Err(FillFault::Form("a name of letters, digits, _ and -")) }
            }
            HoleKind::Schema => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(serde_json::Value::Object(_)) => Ok(()),
                _ => Err(FillFault::Form("a JSON object")),
            },
            HoleKind::RuleItem if text.starts_with(MARKERS) => {
                Err(FillFault::Form("a rule without a list marker"))
            }
            _ => Ok(()),
        }
    }

    fn repaired(&self, text: &str) -> String {
        let mut text = text.trim();
        if let Some(inner) = text.strip_prefix("```").and_then(|t| t.strip_suffix("```")) {
            text = inner.split_once('\n').map_or(inner, |(_, rest)| rest).trim();
        }
        for quote in ['"', '\'', '`'] {
            if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote))
                && !inner.contains(quote)
            {
                text = inner.trim();
            }
        }
        if self.kind == HoleKind::RuleItem {
            text = text.trim_start_matches(MARKERS).trim_start();
        }
        if self.kind == HoleKind::Tag {
            text = text.trim_matches(['<', '>', '/', ' ']);
        }
        if self.is_one_line() && !injects(text) {
            return text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        text.to_string()
    }
}

const MARKERS: [char; 4] = ['-', '*', '+', '\u{2022}'];

/// Whether a text holds a line that reads as the head or the end of a section.
fn injects(text: &str) -> bool {
    let tag = |line: &str| {
        let name =
            line.strip_prefix('<').and_then(|l| l.strip_suffix('>')).map(|n| n.trim_start_matches('/'));
        name.is_some_and(|n| {
            !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        })
    };
    let heading = |line: &str| line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
    let label = |line: &str| {
        line.split_once(':').is_some_and(|(title, rest)| {
            rest.trim().is_empty()
                && title.starts_with(char::is_uppercase)
                && SectionKind::of_title(title).is_some()
                && title.split(' ').count() <= 3
        })
    };
    text.contains("```")
        || text.lines().map(str::trim_end).any(|line| tag(line) || heading(line) || label(line))
        || Outline::parse(text).sections().iter().any(|s| !s.head.is_empty())
}

/// Whether most letters are of the same kind, Latin or not, where there are enough to tell.
fn same_script(old: &str, new: &str) -> bool {
    let share = |text: &str| {
        let letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
        let latin = letters.iter().filter(|c| u32::from(**c) < 0x250).count();
        (letters.len() >= 8).then(|| latin as f64 / letters.len() as f64)
    };
    match (share(old), share(new)) {
        (Some(a), Some(b)) => (a >= 0.5) == (b >= 0.5),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: HoleKind, text: &str, expected: Result<&str, FillFault>) {
        let copies = Copies::of(["the quick brown fox jumps over the lazy dog"]);
        let rules = FillRules { kind, most: 30, old: "Sort the ticket.", copies: &copies };
        assert_eq!(rules.admit(text), expected.map(String::from));
    }

    #[test]
    fn every_kind_has_its_form() {
        check(HoleKind::Instruction, "  \"Sort it well.\"\n", Ok("Sort it well."));
        check(HoleKind::Instruction, "Two\nlines.", Ok("Two\nlines."));
        check(HoleKind::RuleItem, "Two\nlines.", Ok("Two lines."));
        check(HoleKind::Tag, "<answer>", Ok("answer"));
        check(HoleKind::Tag, "1a", Err(FillFault::Form("a name of letters, digits, _ and -")));
        check(HoleKind::Schema, "```json\n{\"a\": 1}\n```", Ok("{\"a\": 1}"));
        check(HoleKind::Schema, "{a}", Err(FillFault::Form("a JSON object")));
        check(HoleKind::Domain, "", Err(FillFault::Blank));
        check(HoleKind::Criteria, "a\0b", Err(FillFault::Form("text without zero bytes")));
    }

    #[test]
    fn what_would_break_a_prompt_stays_out() {
        let fox = || FillFault::Copied("quick brown fox jumps over".into());
        check(HoleKind::Instruction, "Say: quick brown fox jumps over!", Err(fox()));
        check(HoleKind::Example, "quick brown fox jumps over it", Ok("quick brown fox jumps over it"));
        for text in ["Do it.\n</task>", "Do it.\n# Task\nx", "Do it.\nOutput format:\nnone", "a ```x``` b"] {
            check(HoleKind::Instruction, text, Err(FillFault::Delimiter));
            check(HoleKind::RuleItem, text, Err(FillFault::Delimiter));
        }
        check(HoleKind::Instruction, "Sort {% if x %}it", Err(FillFault::Placeholders));
        check(
            HoleKind::Instruction,
            "\u{434}\u{434}\u{434}\u{434}\u{434}\u{434}\u{434}\u{434}",
            Err(FillFault::Script),
        );
        let long = "word ".repeat(40);
        check(HoleKind::Instruction, &long, Err(FillFault::TooLong { tokens: 40, most: 30 }));
    }
}
