use std::fmt;

use super::frame::Frame;
use super::wording::{ENDINGS, ListStyle, Listed, ROLES};
use crate::placeholder;

/// An example inside a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    pub(super) input: String,
    pub(super) answer: String,
}

/// What stands between the head, the examples and the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Blank,
    Line,
    Rule,
    Hashes,
}

impl Separator {
    /// The longest marks first, so that the first that fits is the right one.
    pub(super) const ALL: [Self; 4] = [Self::Rule, Self::Hashes, Self::Blank, Self::Line];

    fn mark(self) -> &'static str {
        match self {
            Self::Blank => "\n\n",
            Self::Line => "\n",
            Self::Rule => "\n---\n",
            Self::Hashes => "\n###\n",
        }
    }
}

/// A list of labels and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelList {
    pub(super) style: ListStyle,
    pub(super) labels: Vec<String>,
}

/// The question at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The only placeholder of the text, in a frame that examples share.
    Question { frame: Frame, placeholder: String },
    /// Everything from the first line with a placeholder on, never touched.
    Fixed(String),
}

/// A prompt in parts. `render` writes it, [`Layout::parse`] reads it back.
///
/// Any text is a layout: what is not recognised stays word for word in `body`, or in a fixed tail. So
/// `parse(t).render() == t` for every text, and edits never lose what a user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// A sentence of the library before the body.
    pub(super) role: Option<&'static str>,
    /// The instruction: the user's own words, or the library's.
    pub(super) body: String,
    /// A sentence of the library after the body.
    pub(super) ending: Option<&'static str>,
    pub(super) labels: Option<LabelList>,
    pub(super) separator: Separator,
    pub(super) shots: Vec<Shot>,
    pub(super) tail: Tail,
}

impl Layout {
    /// Reads a prompt. `input` is the name of the placeholder that examples can fill.
    pub(super) fn parse(text: &str, input: &str) -> Self {
        let parsed = Self::read(text, input);
        if parsed.to_string() == text { parsed } else { Self::verbatim(text) }
    }

    /// All of the text as it is.
    fn verbatim(text: &str) -> Self {
        Self {
            role: None,
            body: String::new(),
            ending: None,
            labels: None,
            separator: Separator::Blank,
            shots: Vec::new(),
            tail: Tail::Fixed(text.into()),
        }
    }

    fn read(text: &str, input: &str) -> Self {
        let found = placeholder::find(text);
        let Some(first) = found.first() else {
            return Self::with_head(text, Separator::Blank, Vec::new(), Tail::Fixed(String::new()));
        };
        let (start, end) = (first.at.start, first.at.end);
        let is_question = found.len() == 1 && first.form == format!("{{{{ {input} }}}}");
        if !is_question {
            let line = text[..start].rfind('\n').map_or(0, |i| i + 1);
            let (head, separator) = cut(&text[..line]);
            return Self::with_head(head, separator, Vec::new(), Tail::Fixed(text[line..].into()));
        }
        let after = &text[end..];
        let line = question_start(&text[..start], after);
        let frame = Frame::of(&text[line..start], after);
        let (head, separator) = cut(&text[..line]);
        let (head, shots) = take_shots(head, separator, &frame);
        let tail = Tail::Question { frame, placeholder: text[start..end].into() };
        Self::with_head(head, separator, shots, tail)
    }

    fn with_head(head: &str, separator: Separator, shots: Vec<Shot>, tail: Tail) -> Self {
        let mut layout = Self { separator, shots, tail, ..Self::verbatim("") };
        let mut rest = head;
        for style in ListStyle::ALL {
            if let Some((before, labels)) = style.split(rest) {
                layout.labels = Some(LabelList { style, labels });
                rest = before.strip_suffix('\n').unwrap_or(before);
                break;
            }
        }
        for role in ROLES {
            if let Some(after) = strip_part(rest, |t| t.strip_prefix(role), |t| t.strip_prefix(' ')) {
                (layout.role, rest) = (Some(role), after);
                break;
            }
        }
        for ending in ENDINGS {
            if let Some(before) = strip_part(rest, |t| t.strip_suffix(ending), |t| t.strip_suffix(' ')) {
                (layout.ending, rest) = (Some(ending), before);
                break;
            }
        }
        layout.body = rest.into();
        layout
    }

    /// The head: role, body, ending and list of labels.
    fn head(&self) -> String {
        let words: Vec<&str> = [self.role.unwrap_or(""), &self.body, self.ending.unwrap_or("")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let mut lines = Vec::new();
        if !words.is_empty() {
            lines.push(words.join(" "));
        }
        if let Some(list) = &self.labels {
            lines.push(Listed(list.style, &list.labels).to_string());
        }
        lines.join("\n")
    }
}

/// The prompt, with literal braces of examples escaped.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blocks = vec![self.head()];
        match &self.tail {
            Tail::Fixed(text) => blocks.push(text.clone()),
            Tail::Question { frame, placeholder } => {
                let marks = frame.marks();
                for shot in &self.shots {
                    let (input, answer) =
                        (placeholder::escape(&shot.input), placeholder::escape(&shot.answer));
                    let (before, after) = (&marks.before, &marks.after);
                    blocks.push(format!("{before}{input}{after}{}{answer}{}", marks.joint, marks.close));
                }
                blocks.push(format!("{}{placeholder}{}", marks.before, marks.after));
            }
        }
        blocks.retain(|block| !block.is_empty());
        f.write_str(&blocks.join(self.separator.mark()))
    }
}

/// Where the question starts: with the heading above the placeholder's line where the frame has one, else with the
/// line.
fn question_start(before: &str, after: &str) -> usize {
    let line = before.rfind('\n').map_or(0, |i| i + 1);
    if line == before.len() && line > 0 {
        let above = before[..line - 1].rfind('\n').map_or(0, |i| i + 1);
        if matches!(Frame::of(&before[above..], after), Frame::Library { .. }) {
            return above;
        }
    }
    line
}

/// Takes the separator off the end.
fn cut(head: &str) -> (&str, Separator) {
    Separator::ALL
        .into_iter()
        .find_map(|s| head.strip_suffix(s.mark()).map(|rest| (rest, s)))
        .unwrap_or((head, Separator::Blank))
}

/// Takes examples off the end of the head; its first block is never one.
fn take_shots<'a>(head: &'a str, separator: Separator, frame: &Frame) -> (&'a str, Vec<Shot>) {
    let marks = frame.marks();
    let (open, middle) =
        (format!("{}{}", separator.mark(), marks.before), format!("{}{}", marks.after, marks.joint));
    let mut rest = head;
    let mut shots = Vec::new();
    while let Some(start) = rest.rfind(&open) {
        let inner = &rest[start + open.len()..];
        let Some(shot) = inner.strip_suffix(marks.close.as_str()).and_then(|i| i.split_once(middle.as_str()))
        else {
            break;
        };
        let (input, answer) = (placeholder::unescape(shot.0), placeholder::unescape(shot.1));
        if input.is_empty() || answer.is_empty() || start == 0 {
            break;
        }
        shots.push(Shot { input, answer });
        rest = &rest[..start];
    }
    shots.reverse();
    (rest, shots)
}

/// Takes off a part and the space beside it; the part alone leaves nothing.
fn strip_part<'a>(
    text: &'a str,
    part: impl Fn(&'a str) -> Option<&'a str>,
    space: impl Fn(&'a str) -> Option<&'a str>,
) -> Option<&'a str> {
    let rest = part(text)?;
    if rest.is_empty() { Some(rest) } else { space(rest).filter(|t| !t.is_empty()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::structural::wording::LABEL_NOUNS;

    #[test]
    fn a_usual_prompt_is_read_in_parts() {
        let text = "You are a careful expert. Sort the ticket.\nNever guess. Answer with one word.\n\
                    Labels: billing, access.\n\n\
                    Text: I paid twice\nTopic: billing\n\n\
                    Text: {{ '{' }}{user}} cannot log in\nTopic: access\n\n\
                    Text: {{ input }}\nTopic:";
        let layout = Layout::parse(text, "input");
        assert_eq!(layout.role, Some(ROLES[0]));
        assert_eq!(layout.body, "Sort the ticket.\nNever guess.");
        assert_eq!(layout.ending, Some(ENDINGS[0]));
        let list = layout.labels.as_ref().expect("a list");
        assert_eq!((list.style, list.labels.len()), (ListStyle::Labels, 2));
        assert_eq!(layout.separator, Separator::Blank);
        assert_eq!(layout.shots.len(), 2);
        assert_eq!(layout.shots[1].input, "{{user}} cannot log in");
        let Tail::Question { frame, placeholder } = &layout.tail else { panic!("a question: {layout:?}") };
        assert_eq!(frame.nouns(), Some(LABEL_NOUNS[0]));
        assert_eq!(placeholder, "{{ input }}");
        assert_eq!(layout.to_string(), text);
    }

    #[track_caller]
    fn fixed(text: &str, tail: &str) {
        let layout = Layout::parse(text, "input");
        assert_eq!(layout.tail, Tail::Fixed(tail.into()));
        assert_eq!(layout.to_string(), text);
    }

    #[test]
    fn what_examples_cannot_fill_is_kept_word_for_word() {
        fixed("Compare.\nA: {{ input }}\nB: {{ draft }}\n", "A: {{ input }}\nB: {{ draft }}\n");
        fixed("Judge: {{ draft }}", "Judge: {{ draft }}");
        fixed("Twice {{ input }} {{ input }}", "Twice {{ input }} {{ input }}");
        fixed("Loop {% for x in input %}{{ x }}{% endfor %}", "Loop {% for x in input %}{{ x }}{% endfor %}");
        fixed("No placeholder.", "");
        fixed("", "");
    }

    #[test]
    fn headings_and_odd_frames_are_read() {
        for text in [
            "Do it.\n---\n## Text\nabc\n## Topic\nx\n---\n## Text\n{{ input }}\n## Topic\n",
            "Do it.\na -> x\nb -> y\n{{ input }} ->",
            "Do it.\n\n<ticket>a</ticket>\n<team>b</team>\n\n<ticket>{{input}}</ticket>\n<team>",
            "Do it.\n###\nTicket {{ input }} goes to",
            "{{ input }}",
        ] {
            let layout = Layout::parse(text, "input");
            assert!(matches!(layout.tail, Tail::Question { .. }), "{layout:?}");
            assert_eq!(layout.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn every_text_survives(text in "(Labels: |- |a|b|\\. |\\n|\\n\\n|---|Text: |\\{\\{ input \\}\\}|Topic:|->|\\{|%\\}|Answer with one word\\.| ){0,20}") {
            prop_assert_eq!(Layout::parse(&text, "input").to_string(), text);
        }
    }
}
