//! `prompt parse`: the structure of a prompt.

use std::path::Path;

use prompt_grammar::anatomy::Anatomy;
use prompt_grammar::features::Linguistic;
use prompt_grammar::{Estimate, Grammar, Tokens as _};

use super::colour::{Colour, is_on, paint};
use super::{Fault, source};
use crate::exit;
use crate::progress::print_json;

pub(super) fn parse(path: &Path, grammar: Option<&Path>, features: bool, json: bool) -> Result<u8, Fault> {
    let text = source::text(path)?;
    if let Some(grammar) = grammar {
        return by_grammar(&text, grammar, json);
    }
    let anatomy = Anatomy::of(&text);
    let outline = anatomy.outline();
    let measured = if features { Linguistic::default().of(&text) } else { Vec::new() };
    let tokens = Estimate.count(&text);
    if json {
        let sections: Vec<serde_json::Value> = outline
            .sections()
            .iter()
            .enumerate()
            .map(|(i, section)| {
                let components: Vec<serde_json::Value> = anatomy
                    .components()
                    .iter()
                    .filter(|c| c.section == i)
                    .map(|c| serde_json::json!({"start": c.range.start, "end": c.range.end, "text": anatomy.text_of(c)}))
                    .collect();
                serde_json::json!({"kind": section.kind, "title": section.title, "components": components})
            })
            .collect();
        let features: serde_json::Map<String, serde_json::Value> =
            measured.into_iter().map(|(name, value)| (name, value.into())).collect();
        print_json(&serde_json::json!({
            "event": "prompt", "delimiters": outline.delimiters(), "tokens": tokens,
            "characters": text.chars().count(), "sections": sections, "features": features,
        }));
        return Ok(exit::OK);
    }
    let on = is_on(false);
    let (sections, components) = (outline.sections().len(), anatomy.components().len());
    println!(
        "{:?} {sections} sections, {components} components, about {tokens} tokens",
        outline.delimiters()
    );
    let mut here = anatomy.components().iter().peekable();
    for (i, section) in outline.sections().iter().enumerate() {
        let title = if section.title.is_empty() { "" } else { &section.title };
        println!("{}  {}", paint(section.kind.title(), Colour::Strong, on), paint(title, Colour::Faint, on));
        while let Some(component) = here.next_if(|c| c.section == i) {
            let branch = if here.peek().is_some_and(|c| c.section == i) {
                "\u{251c}\u{2500}"
            } else {
                "\u{2514}\u{2500}"
            };
            let text = anatomy.text_of(component).replace('\n', "\n\u{2502}    ");
            println!("{branch} {}", paint(&text, Colour::Faint, false));
        }
    }
    for (name, value) in measured {
        println!("{name:24} {value:.3}");
    }
    Ok(exit::OK)
}

fn by_grammar(text: &str, path: &Path, json: bool) -> Result<u8, Fault> {
    let written = source::text(path)?;
    let named = |e: prompt_grammar::GrammarError| Fault::File(format!("{}: {e}", path.display()));
    let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let grammar = match kind {
        "bnf" => Grammar::from_bnf(&written).map_err(named)?,
        "ebnf" => Grammar::from_ebnf(&written).map_err(named)?,
        "json" => Grammar::from_json(&written).map_err(named)?,
        _ => {
            let path = path.display();
            return Err(Fault::File(format!(
                "{path}: ends in '{kind}'; grammars end in .bnf, .ebnf or .json"
            )));
        }
    };
    let warnings: Vec<String> = grammar.warnings().iter().map(ToString::to_string).collect();
    let parse = grammar.parse(text)?;
    let tree = &parse.tree;
    let (_, spans) = tree.spans(&grammar);
    let name = |i: usize| grammar.rule(tree.nodes()[i].rule).map_or("", |r| r.name.as_str());
    if json {
        let node = |i: usize| {
            let (node, span) = (tree.nodes()[i], &spans[i]);
            serde_json::json!({"rule": name(i), "pick": node.pick, "size": node.size, "start": span.start, "end": span.end})
        };
        let nodes: Vec<serde_json::Value> = (0..tree.nodes().len()).map(node).collect();
        let ambiguous = parse.ambiguous;
        print_json(&serde_json::json!({
            "event": "derivation", "ambiguous": ambiguous, "nodes": nodes, "warnings": warnings,
        }));
        return Ok(exit::OK);
    }
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if parse.ambiguous {
        eprintln!(
            "warning: the text has several derivations; this one prefers first productions and long parts"
        );
    }
    let mut ends: Vec<usize> = Vec::new();
    for (i, node) in tree.nodes().iter().enumerate() {
        while ends.last().is_some_and(|end| *end <= i) {
            ends.pop();
        }
        let written = text[spans[i].clone()].escape_debug().to_string();
        println!("{}{} {written}", "  ".repeat(ends.len()), name(i));
        ends.push(i + node.size as usize);
    }
    Ok(exit::OK)
}
