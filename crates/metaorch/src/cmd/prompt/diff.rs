//! `prompt diff`: what two prompts differ in.

use std::path::Path;

use prompt_grammar::outline::{Change, changes};

use super::colour::{Colour, is_on, paint};
use super::{Fault, source};
use crate::exit;
use crate::progress::print_json;

pub(super) fn diff(old: &Path, new: &Path, json: bool) -> Result<u8, Fault> {
    let changes = changes(&source::text(old)?, &source::text(new)?);
    if json {
        print_json(&serde_json::json!({"event": "diff", "changes": changes}));
        return Ok(exit::OK);
    }
    let on = is_on(false);
    for change in &changes {
        let (colour, line) = in_words(change);
        println!("{}", paint(&line, colour, on));
    }
    if changes.is_empty() {
        println!("the same structure and components");
    }
    Ok(exit::OK)
}

fn in_words(change: &Change) -> (Colour, String) {
    let plus = |what: String| (Colour::Good, format!("+ {what}"));
    let minus = |what: String| (Colour::Bad, format!("- {what}"));
    let other = |what: String| (Colour::Strong, format!("~ {what}"));
    match change {
        Change::Delimiters { old, new } => other(format!("delimiters: {old:?} -> {new:?}")),
        Change::AddedSection { section, text } => plus(format!("section {section}: {text}")),
        Change::DroppedSection { section, text } => minus(format!("section {section}: {text}")),
        Change::Moved { old, new } => other(format!("order: {} -> {}", old.join(", "), new.join(", "))),
        Change::Renamed { old, new } => other(format!("title: {old} -> {new}")),
        Change::Added { section, text } => plus(format!("{section}: {text}")),
        Change::Dropped { section, text } => minus(format!("{section}: {text}")),
        Change::Reordered { section } => other(format!("{section}: components in another order")),
        _ => other(format!("{change:?}")),
    }
}
