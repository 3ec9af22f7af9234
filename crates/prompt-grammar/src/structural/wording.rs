//! The library of words that edits draw from. Every list is closed: what stands here can be recognised in a text.

use std::fmt;

/// What the input and the answer are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nouns {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

const fn nouns(input: &'static str, output: &'static str) -> Nouns {
    Nouns { input, output }
}

/// Pairs for tasks with labels.
pub(super) const LABEL_NOUNS: [Nouns; 8] = [
    nouns("Text", "Topic"),
    nouns("Text", "Label"),
    nouns("Text", "Category"),
    nouns("Message", "Topic"),
    nouns("Message", "Team"),
    nouns("Ticket", "Team"),
    nouns("Sentence", "Class"),
    nouns("Input", "Label"),
];

/// Pairs for tasks with short answers.
pub(super) const ANSWER_NOUNS: [Nouns; 4] =
    [nouns("Q", "A"), nouns("Question", "Answer"), nouns("Input", "Output"), nouns("Text", "Answer")];

/// Sentences before the instruction.
pub(super) const ROLES: [&str; 4] = [
    "You are a careful expert.",
    "You are an experienced annotator.",
    "You sort messages for a living and are rarely wrong.",
    "You are a helpful assistant that gives short answers.",
];

/// Sentences after the instruction.
pub(super) const ENDINGS: [&str; 6] = [
    "Answer with one word.",
    "Answer in one word and nothing else.",
    "Give only the answer, without any explanation.",
    "Reply with exactly one of the labels.",
    "Look at the meaning, not at single words.",
    "Follow the examples.",
];

/// Endings that only make sense with labels.
pub(super) const LABEL_ENDINGS: [&str; 1] = ["Reply with exactly one of the labels."];

/// Forms of the instruction for tasks with labels; `{in}` and `{out}` stand for the nouns in lower case.
const LABEL_BODIES: [&str; 6] = [
    "Classify the {in} by {out}.",
    "Name the {out} of the {in}.",
    "Choose the {out} that fits the {in} best.",
    "Which {out} does the {in} belong to?",
    "What is the {out} of this {in}?",
    "Read the {in} and decide its {out}.",
];

/// Forms of the instruction for tasks with short answers.
const ANSWER_BODIES: [&str; 3] =
    ["Give the answer.", "What is the right answer?", "Read carefully and give the right answer."];

/// All instructions the library can write for these nouns.
pub(super) fn bodies(labelled: bool, nouns: Nouns) -> Vec<String> {
    let fill = |form: &&str| {
        form.replace("{in}", &nouns.input.to_lowercase()).replace("{out}", &nouns.output.to_lowercase())
    };
    if labelled { LABEL_BODIES.iter().map(fill).collect() } else { ANSWER_BODIES.iter().map(fill).collect() }
}

/// Whether the library wrote `body`, with whatever nouns.
pub(super) fn is_library(body: &str) -> bool {
    let of = |labelled: bool| move |n: &Nouns| bodies(labelled, *n);
    LABEL_NOUNS.iter().flat_map(of(true)).chain(ANSWER_NOUNS.iter().flat_map(of(false))).any(|b| b == body)
}

/// How a list of labels is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListStyle {
    Labels,
    OneOf,
    Pipes,
    Quoted,
    Bullets,
}

impl ListStyle {
    pub(super) const ALL: [Self; 5] = [Self::Labels, Self::OneOf, Self::Pipes, Self::Quoted, Self::Bullets];

    /// What stands before, between and after the labels.
    fn marks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Labels => ("Labels: ", ", ", "."),
            Self::OneOf => ("Answer with one of: ", ", ", ""),
            Self::Pipes => ("Options: ", " | ", ""),
            Self::Quoted => ("Choose from \"", "\", \"", "\"."),
            Self::Bullets => ("Labels:\n- ", "\n- ", ""),
        }
    }

    /// Takes a list of this style off the end of `text`; gives what is before and the labels.
    pub(super) fn split(self, text: &str) -> Option<(&str, Vec<String>)> {
        let (before, between, after) = self.marks();
        let start = text.rfind(before)?;
        let inner = text[start + before.len()..].strip_suffix(after)?;
        let labels: Vec<String> = inner.split(between).map(String::from).collect();
        let sound = labels.iter().all(|l| !l.trim().is_empty() && !l.contains('\n'));
        (sound && (start == 0 || text[..start].ends_with('\n'))).then(|| (&text[..start], labels))
    }
}

/// Labels in the style of a list.
pub(super) struct Listed<'a>(pub(super) ListStyle, pub(super) &'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, between, after) = self.0.marks();
        write!(f, "{before}{}{after}", self.1.join(between))
    }
}
