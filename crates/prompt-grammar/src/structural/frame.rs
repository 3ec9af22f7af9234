use super::wording::{ANSWER_NOUNS, LABEL_NOUNS, Nouns};

/// How input and answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `Text: ..` and `Topic: ..` on two lines.
    Fields,
    /// `.. -> ..` on one line.
    Arrow,
    /// `<text>..</text>` and `<topic>..</topic>` on two lines.
    Tags,
    /// `## Text` and `## Topic` with the content below.
    Headings,
}

/// The words that ask for the answer, where the style leaves room for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// `Topic:`
    Name,
    /// `The topic is`
    Is,
    /// `Best topic:`
    Best,
}

/// What stands around an input and its answer, in every example and in the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Of the library.
    Library { style: Style, nouns: Nouns, cue: Cue, quoted: bool },
    /// As the seed wrote it.
    Written { before: String, after: String },
}

/// A frame as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) before: String,
    pub(super) after: String,
    /// Between `after` and an example's answer.
    pub(super) joint: &'static str,
    /// After an example's answer.
    pub(super) close: String,
}

impl Frame {
    pub(super) const STYLES: [Style; 4] = [Style::Fields, Style::Arrow, Style::Tags, Style::Headings];
    pub(super) const CUES: [Cue; 3] = [Cue::Name, Cue::Is, Cue::Best];

    /// A frame of the library; what its style has no room for takes the plainest form.
    pub(super) fn library(style: Style, nouns: Nouns, cue: Cue, quoted: bool) -> Self {
        let cue = if style == Style::Fields { cue } else { Cue::Name };
        let quoted = quoted && matches!(style, Style::Fields | Style::Arrow);
        // An arrow names nothing.
        let nouns = if style == Style::Arrow { LABEL_NOUNS[0] } else { nouns };
        Self::Library { style, nouns, cue, quoted }
    }

    /// The frame with these marks.
    pub(super) fn of(before: &str, after: &str) -> Self {
        for style in Self::STYLES {
            for nouns in LABEL_NOUNS.into_iter().chain(ANSWER_NOUNS) {
                for cue in Self::CUES {
                    for quoted in [false, true] {
                        let frame = Self::library(style, nouns, cue, quoted);
                        let marks = frame.marks();
                        if marks.before == before && marks.after == after {
                            return frame;
                        }
                    }
                }
            }
        }
        Self::Written { before: before.into(), after: after.into() }
    }

    pub(super) fn marks(&self) -> Marks {
        match self {
            Self::Library { style, nouns, cue, quoted } => {
                let quote = if *quoted { "\"" } else { "" };
                let (input, output) = (nouns.input, nouns.output);
                let (low_in, low_out) = (input.to_lowercase(), output.to_lowercase());
                let (before, after, joint, close) = match style {
                    Style::Fields => {
                        let cue = match cue {
                            Cue::Name => format!("{output}:"),
                            Cue::Is => format!("The {low_out} is"),
                            Cue::Best => format!("Best {low_out}:"),
                        };
                        (format!("{input}: {quote}"), format!("{quote}\n{cue}"), " ", String::new())
                    }
                    Style::Arrow => (quote.to_string(), format!("{quote} ->"), " ", String::new()),
                    Style::Tags => (
                        format!("<{low_in}>"),
                        format!("</{low_in}>\n<{low_out}>"),
                        "",
                        format!("</{low_out}>"),
                    ),
                    Style::Headings => {
                        (format!("## {input}\n"), format!("\n## {output}\n"), "", String::new())
                    }
                };
                Marks { before, after, joint, close }
            }
            Self::Written { before, after } => {
                let joint = match after.chars().last() {
                    None => "\n",
                    Some(c) if c.is_whitespace() || c == '>' => "",
                    Some(_) => " ",
                };
                Marks { before: before.clone(), after: after.clone(), joint, close: String::new() }
            }
        }
    }

    /// What input and answer are called.
    pub(super) fn nouns(&self) -> Option<Nouns> {
        match self {
            Self::Library { style: Style::Arrow, .. } | Self::Written { .. } => None,
            Self::Library { nouns, .. } => Some(*nouns),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_library_frame_is_recognised_by_its_marks() {
        let mut seen = BTreeMap::new();
        for style in Frame::STYLES {
            for nouns in LABEL_NOUNS.into_iter().chain(ANSWER_NOUNS) {
                for cue in Frame::CUES {
                    for quoted in [false, true] {
                        let frame = Frame::library(style, nouns, cue, quoted);
                        let marks = frame.marks();
                        assert_eq!(Frame::of(&marks.before, &marks.after), frame);
                        let other = seen.insert((marks.before, marks.after), frame.clone());
                        assert!(other.is_none_or(|o| o == frame));
                    }
                }
            }
        }
        assert!(matches!(Frame::of("Ticket ", ""), Frame::Written { .. }));
    }
}
