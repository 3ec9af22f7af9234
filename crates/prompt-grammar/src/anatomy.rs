//! Prompts taken apart into components: list items, sentences, code blocks, each with its place.

use std::ops::Range;

use crate::outline::{Outline, SectionKind};

/// A component of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// Position of its section in the outline.
    pub section: usize,
    /// What the section is for.
    pub kind: SectionKind,
    /// Where it stands in the prompt, in bytes, without markers and white space around it.
    pub range: Range<usize>,
}

/// A prompt and its components.
///
/// ```
/// use prompt_grammar::anatomy::Anatomy;
/// let anatomy = Anatomy::of("Sort {{ input }}. Be brief.\n\nRules:\n- Never guess.\n- Use tabs.\n");
/// let texts: Vec<&str> = anatomy.components().iter().map(|c| anatomy.text_of(c)).collect();
/// assert_eq!(texts, ["Sort {{ input }}.", "Be brief.", "Rules:", "Never guess.", "Use tabs."]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anatomy {
    text: String,
    outline: Outline,
    components: Vec<Component>,
}

impl Anatomy {
    /// Takes a prompt apart. Every text is a prompt. O(length).
    pub fn of(text: &str) -> Self {
        let outline = Outline::parse(text);
        let mut components = Vec::new();
        let mut at = outline.lead().len();
        for (section, part) in outline.sections().iter().enumerate() {
            let body = at + part.head.len();
            for range in pieces(&part.body) {
                let range = body + range.start..body + range.end;
                components.push(Component { section, kind: part.kind, range });
            }
            at = body + part.body.len() + part.close.len() + part.gap.len();
        }
        Self { text: text.to_string(), outline, components }
    }

    /// The prompt.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its sections.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Its components in order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// What a component of this prompt says.
    pub fn text_of(&self, component: &Component) -> &str {
        self.text.get(component.range.clone()).unwrap_or_default()
    }

    /// The prompt without some components, by position: with a component go its list marker and, where nothing is left
    /// of it, its line; sections whose components all go lose their head as well.
    pub fn without(&self, gone: &[usize]) -> String {
        let mut cuts: Vec<Range<usize>> = Vec::new();
        let mut at = self.outline.lead().len();
        for (section, part) in self.outline.sections().iter().enumerate() {
            let end = at + part.head.len() + part.body.len() + part.close.len() + part.gap.len();
            let here: Vec<usize> =
                (0..self.components.len()).filter(|c| self.components[*c].section == section).collect();
            if !here.is_empty() && here.iter().all(|c| gone.contains(c)) {
                cuts.push(at..end);
            } else {
                cuts.extend(here.iter().filter(|c| gone.contains(c)).map(|c| self.cut(*c)));
            }
            at = end;
        }
        let (mut out, mut from) = (String::new(), 0);
        for cut in cuts {
            if cut.start >= from {
                out.push_str(&self.text[from..cut.start]);
            }
            from = from.max(cut.end);
        }
        out.push_str(&self.text[from..]);
        // What was in the middle may now be at the end.
        if self.text.ends_with('\n') { out } else { out.trim_end_matches('\n').to_string() }
    }

    /// What goes with a component: the white space behind it, or marker and line end where it has a line of its own.
    fn cut(&self, component: usize) -> Range<usize> {
        let Range { start, end } = self.components[component].range.clone();
        let line = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let rest = self.text[end..].find('\n').map_or(self.text.len(), |i| end + i);
        let before = &self.text[line..start];
        if self.text[end..rest].trim().is_empty() {
            let alone = before.trim().is_empty() || marker(before) == before.len();
            let last = line + before.trim_end().len()..end;
            return if alone { line..(rest + 1).min(self.text.len()) } else { last };
        }
        let space = self.text[end..rest].len() - self.text[end..rest].trim_start().len();
        start..end + space
    }
}

/// A component without what differs by layout: white space runs are single spaces.
pub(crate) fn key(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the components of a body stand.
fn pieces(body: &str) -> Vec<Range<usize>> {
    let (mut out, mut at) = (Vec::new(), 0);
    let mut fence: Option<usize> = None;
    for line in body.split_inclusive('\n') {
        let (start, end) = (at, at + line.trim_end().len());
        at += line.len();
        let fenced = line.trim_start().starts_with("```");
        match (fence, fenced) {
            (None, true) => fence = Some(start),
            (Some(from), true) => {
                out.push(from..end);
                fence = None;
            }
            (Some(_), false) => {}
            (None, false) => {
                let indent = line.len() - line.trim_start().len();
                if start + indent < end {
                    let from = start + indent + marker(&line[indent..]);
                    sentences(body, from.min(end)..end, &mut out);
                }
            }
        }
    }
    if let Some(from) = fence {
        out.push(from..from + body[from..].trim_end().len());
    }
    out
}

/// Bytes of a list marker with the spaces around it at the beginning of a text.
fn marker(text: &str) -> usize {
    let inner = text.trim_start();
    let digits = inner.len() - inner.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mark = if digits > 0 && inner[digits..].starts_with(['.', ')']) {
        digits + 1
    } else if inner.starts_with(['-', '*', '+']) {
        1
    } else if inner.starts_with('\u{2022}') {
        '\u{2022}'.len_utf8()
    } else {
        return 0;
    };
    let behind = &inner[mark..];
    let space = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    if space == 0 { 0 } else { text.len() - inner.len() + mark + space }
}

/// Sentences of one line: they end with a mark before a space, outside of placeholders and not behind single letters.
fn sentences(body: &str, line: Range<usize>, out: &mut Vec<Range<usize>>) {
    let text = &body[line.clone()];
    let (mut from, mut depth, mut word) = (0, 0_usize, 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '.' | '!' | '?' if depth == 0 && (word > 1 || c != '.') => {
                let end = at + c.len_utf8();
                if chars.peek().is_some_and(|(_, next)| next.is_whitespace()) {
                    out.push(line.start + from..line.start + end);
                    from = end + text[end..].len() - text[end..].trim_start().len();
                }
            }
            _ => {}
        }
        word = match c {
            '}' | ')' | '"' | '\'' => 2,
            c if c.is_alphanumeric() => word + 1,
            _ => 0,
        };
    }
    if from < text.len() {
        out.push(line.start + from..line.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, components: &[&str]) {
        let anatomy = Anatomy::of(text);
        let found: Vec<&str> = anatomy.components().iter().map(|c| anatomy.text_of(c)).collect();
        assert_eq!(found, components);
    }

    #[test]
    fn lists_sentences_and_code_are_components() {
        check("## Rules\n1. One. Two!\n* three\n\n", &["One.", "Two!", "three"]);
        check("Say e.g. this. Then {{ a. b }}. End", &["Say e.g. this.", "Then {{ a. b }}.", "End"]);
        check("Do:\n```\nx. y\n```\n- z", &["Do:", "```\nx. y\n```", "z"]);
        check("```\nopen", &["```\nopen"]);
        check("-no item\n  \n", &["-no item"]);
        check("", &[]);
    }

    #[test]
    fn components_leave_no_trace() {
        let text = "## Role\nYou sort. You are kind.\n\n## Rules\n- One.\n- Two.\n\n## Task\nSort {{ x }}.";
        let anatomy = Anatomy::of(text);
        assert_eq!(anatomy.without(&[]), text);
        assert_eq!(anatomy.without(&[1, 2]), text.replace(" You are kind.", "").replace("- One.\n", ""));
        assert_eq!(anatomy.without(&[2, 3]), text.replace("## Rules\n- One.\n- Two.\n\n", ""));
        assert_eq!(anatomy.without(&[4]), "## Role\nYou sort. You are kind.\n\n## Rules\n- One.\n- Two.");
    }
}
