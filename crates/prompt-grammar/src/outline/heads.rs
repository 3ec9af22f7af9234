//! Finding sections by their heads.

use super::{Delimiters, MOST_SECTIONS, Outline, Section, SectionKind};

/// A line that begins a section.
struct Head<'a> {
    /// Where the line begins.
    at: usize,
    /// Where the content begins.
    body: usize,
    title: &'a str,
}

/// An outline by the kind of heads that the text has most of; none where it has none. Lines inside of code fences are
/// no heads.
pub(super) fn read(text: &str) -> Option<Outline> {
    let lines = lines(text);
    let all = [
        (Delimiters::Headings, headings(text, &lines)),
        (Delimiters::Tags, tags(text, &lines)),
        // One number or label alone is more likely part of a sentence.
        (Delimiters::Numbers, several(numbers(text, &lines))),
        (Delimiters::Labels, several(labels(text, &lines))),
    ];
    let most = all.iter().map(|(_, heads)| heads.len()).max().unwrap_or(0);
    let (delimiters, mut heads) = all.into_iter().find(|(_, heads)| heads.len() == most && most > 0)?;
    heads.truncate(MOST_SECTIONS);
    let lead = text[..heads[0].at].to_string();
    let mut sections = Vec::new();
    for (i, head) in heads.iter().enumerate() {
        let end = heads.get(i + 1).map_or(text.len(), |next| next.at);
        sections.push(section(text, head, end, delimiters));
    }
    Some(Outline { delimiters, lead, sections })
}

fn several(heads: Vec<Head<'_>>) -> Vec<Head<'_>> {
    if heads.len() > 1 { heads } else { Vec::new() }
}

/// Where every line begins and ends, without its line end; none of those inside of code fences.
fn lines(text: &str) -> Vec<(usize, usize)> {
    let (mut out, mut at, mut fenced) = (Vec::new(), 0, false);
    for line in text.split_inclusive('\n') {
        let fence = line.trim_start().starts_with("```");
        if !fenced && !fence {
            out.push((at, at + line.trim_end_matches(['\n', '\r']).len()));
        }
        fenced ^= fence;
        at += line.len();
    }
    out
}

/// Where the content begins when the head is the whole line.
fn after_line(text: &str, end: usize) -> usize {
    text[end..].find('\n').map_or(text.len(), |i| end + i + 1)
}

fn headings<'a>(text: &'a str, lines: &[(usize, usize)]) -> Vec<Head<'a>> {
    let head = |&(at, end): &(usize, usize)| {
        let line = &text[at..end];
        let marks = line.len() - line.trim_start_matches('#').len();
        let title = line[marks..].strip_prefix(' ')?.trim();
        ((1..=6).contains(&marks) && !title.is_empty()).then(|| Head {
            at,
            body: after_line(text, end),
            title,
        })
    };
    lines.iter().filter_map(head).collect()
}

fn numbers<'a>(text: &'a str, lines: &[(usize, usize)]) -> Vec<Head<'a>> {
    let head = |&(at, end): &(usize, usize)| {
        let line = &text[at..end];
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let title = line[digits..].strip_prefix(['.', ')'])?.strip_prefix(' ')?.trim();
        let sound = digits > 0 && SectionKind::of_title(title).is_some() && title.split(' ').count() <= 3;
        sound.then(|| Head { at, body: after_line(text, end), title })
    };
    lines.iter().filter_map(head).collect()
}

fn labels<'a>(text: &'a str, lines: &[(usize, usize)]) -> Vec<Head<'a>> {
    let head = |&(at, end): &(usize, usize)| {
        let (title, rest) = text[at..end].split_once(':')?;
        let wordy = |c: char| c.is_alphabetic() || c == ' ';
        let named = title.starts_with(char::is_uppercase)
            && title.chars().all(wordy)
            && title.split(' ').count() <= 3
            && SectionKind::of_title(title).is_some();
        let body = if rest.trim().is_empty() { after_line(text, end) } else { at + title.len() + 2 };
        (named && (rest.is_empty() || rest.starts_with(' '))).then(|| Head {
            at,
            body: body.min(text.len()),
            title,
        })
    };
    lines.iter().filter_map(head).collect()
}

/// Opening tags alone on their line whose closing tag stands alone on a later one, outermost alone.
fn tags<'a>(text: &'a str, lines: &[(usize, usize)]) -> Vec<Head<'a>> {
    let tag = |&(at, end): &(usize, usize)| {
        let name = text[at..end].strip_prefix('<')?.strip_suffix('>')?;
        let bare = name.strip_prefix('/').unwrap_or(name);
        let sound = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        (!bare.is_empty() && bare.chars().all(sound)).then_some((at, end, name))
    };
    let (mut heads, mut open): (Vec<Head<'a>>, Option<(usize, usize, &str)>) = (Vec::new(), None);
    for (at, end, name) in lines.iter().filter_map(tag) {
        match (open, name.strip_prefix('/')) {
            (None, None) => open = Some((at, end, name)),
            (Some((first, first_end, title)), Some(closing)) if closing == title => {
                heads.push(Head { at: first, body: after_line(text, first_end), title });
                open = None;
            }
            _ => {}
        }
    }
    heads
}

fn section(text: &str, head: &Head<'_>, end: usize, delimiters: Delimiters) -> Section {
    let all = &text[head.body..end];
    let (body, close, gap) = if delimiters == Delimiters::Tags {
        let mark = format!("</{}>", head.title);
        let closing = close_of(all, &mark).unwrap_or(all.len());
        let body = all[..closing].strip_suffix('\n').unwrap_or(&all[..closing]);
        let after = (closing + mark.len()).min(all.len());
        (body, &all[body.len()..after], &all[after..])
    } else {
        let body = all.trim_end_matches(['\n', '\r']);
        (body, "", &all[body.len()..])
    };
    Section {
        kind: SectionKind::of_title(head.title).unwrap_or(SectionKind::General),
        title: head.title.to_string(),
        head: text[head.at..head.body].to_string(),
        body: body.to_string(),
        close: close.to_string(),
        gap: gap.to_string(),
    }
}

/// Where the closing tag stands alone on its line.
fn close_of(text: &str, mark: &str) -> Option<usize> {
    text.match_indices(mark).map(|(at, _)| at).find(|&at| {
        let before = at == 0 || text[..at].ends_with('\n');
        let rest = &text[at + mark.len()..];
        before && (rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n"))
    })
}
