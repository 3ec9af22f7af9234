//! Finding sections by empty lines and what paragraphs say.

use super::{Delimiters, MOST_SECTIONS, Outline, Section, SectionKind};

/// Paragraphs; neighbours of one kind form one section.
pub(super) fn read(text: &str) -> Outline {
    let start = text.len() - text.trim_start_matches('\n').len();
    let (lead, mut rest) = text.split_at(start);
    let mut sections: Vec<Section> = Vec::new();
    while !rest.is_empty() {
        let end = if sections.len() + 1 == MOST_SECTIONS { None } else { rest.find("\n\n") };
        let body = &rest[..end.unwrap_or_else(|| rest.trim_end_matches('\n').len())];
        let after = &rest[body.len()..];
        let gap = &after[..after.len() - after.trim_start_matches('\n').len()];
        let kind = SectionKind::of_text(body);
        match sections.last_mut() {
            Some(last) if last.kind == kind => {
                last.body.push_str(&last.gap);
                last.body.push_str(body);
                last.gap = gap.to_string();
            }
            _ => sections.push(Section {
                kind,
                title: String::new(),
                head: String::new(),
                body: body.to_string(),
                close: String::new(),
                gap: gap.to_string(),
            }),
        }
        rest = &after[gap.len()..];
    }
    Outline { delimiters: Delimiters::Plain, lead: lead.to_string(), sections }
}
