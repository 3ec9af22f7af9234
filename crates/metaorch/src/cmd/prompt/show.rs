//! `prompt show`: what each component of a prompt is worth.

use meta_traits::Stream;
use prompt_grammar::anatomy::Anatomy;
use prompt_grammar::worth::{ComponentWorth, Worth};
use prompt_grammar::{AnalysisDepth, PromptConfig};

use super::colour::{Colour, is_on, paint};
use super::{Fault, page, source};
use crate::args::{Scores, Show};
use crate::exit;
use crate::progress::print_json;

/// A prompt with what is known of it.
pub(super) struct Shown {
    pub(super) worth: Worth,
    pub(super) anatomy: Anatomy,
    pub(super) values: Vec<Option<ComponentWorth>>,
    /// Mean score and number of scores, where it has any.
    pub(super) seen: Option<(f64, usize)>,
    pub(super) shared: bool,
}

/// Reads the scores and looks at a prompt.
pub(super) fn look(scores: &Scores, depth: AnalysisDepth) -> Result<Shown, Fault> {
    let config = PromptConfig {
        min_component_frequency: scores.min_frequency,
        component_analysis_depth: depth,
        ..PromptConfig::default()
    };
    let source::Scored { prompts, shared } = source::scored(&scores.source, scores.component.as_deref())?;
    let worth = Worth::of(&prompts, &config)?;
    let text = match &scores.prompt {
        Some(path) => source::text(path)?,
        None => worth.prompts()[worth.best()].text.clone(),
    };
    let values = worth.of_prompt(&text, &stream());
    let seen = worth.prompts().iter().find(|p| p.text == text).map(|p| (p.mean(), p.scores.len()));
    Ok(Shown { worth, anatomy: Anatomy::of(&text), values, seen, shared })
}

/// The draws behind intervals; the same for every call, so that the same scores show the same.
pub(super) fn stream() -> Stream {
    Stream::root(0).child("prompt", 0)
}

pub(super) fn show(args: &Show, json: bool) -> Result<u8, Fault> {
    let depth = if args.basic { AnalysisDepth::Basic } else { AnalysisDepth::Deep };
    let shown = look(&args.scores, depth)?;
    if let Some(path) = &args.html {
        std::fs::write(path, page::page(&shown))
            .map_err(|e| Fault::File(format!("{}: {e}", path.display())))?;
    }
    if json {
        print_json(&in_json(&shown));
    } else {
        print(&shown, is_on(args.colour));
    }
    Ok(exit::OK)
}

fn in_json(shown: &Shown) -> serde_json::Value {
    let anatomy = &shown.anatomy;
    let component = |(c, value): (&prompt_grammar::anatomy::Component, &Option<ComponentWorth>)| {
        serde_json::json!({
            "section": c.section, "kind": c.kind, "start": c.range.start, "end": c.range.end,
            "text": anatomy.text_of(c), "worth": value,
        })
    };
    let components: Vec<serde_json::Value> =
        anatomy.components().iter().zip(&shown.values).map(component).collect();
    serde_json::json!({
        "event": "worth", "prompt": anatomy.text(), "score": shown.seen.map(|s| s.0), "scores": shown.seen.map(|s| s.1),
        "prompts": shown.worth.prompts().len(), "components": components,
    })
}

fn print(shown: &Shown, on: bool) {
    let anatomy = &shown.anatomy;
    let n = shown.worth.prompts().len();
    match shown.seen {
        Some((mean, scores)) => println!("mean {mean:.3} over {scores} scores, one of {n} prompts"),
        None => println!("not scored; judged by {n} prompts"),
    }
    println!("worth in log odds with 90 % intervals, observational\n");
    let mut here = anatomy.components().iter().zip(&shown.values).peekable();
    for (i, section) in anatomy.outline().sections().iter().enumerate() {
        let title = if section.title.is_empty() { section.kind.title() } else { &section.title };
        println!("{}", paint(title, Colour::Strong, on));
        while let Some((component, value)) = here.next_if(|(c, _)| c.section == i) {
            let last = here.peek().is_none_or(|(c, _)| c.section != i);
            let branch = if last { "\u{2514}\u{2500}" } else { "\u{251c}\u{2500}" };
            let rule = if last { "  " } else { "\u{2502} " };
            let text = anatomy.text_of(component).replace('\n', &format!("\n{rule} {:24}", ""));
            println!("{branch} {:24}{}", in_words(value.as_ref()), paint(&text, colour(value.as_ref()), on));
        }
    }
}

/// Good or bad where the interval says so.
pub(super) fn colour(value: Option<&ComponentWorth>) -> Colour {
    match value {
        Some(w) if w.low > 0.0 => Colour::Good,
        Some(w) if w.high < 0.0 => Colour::Bad,
        _ => Colour::Faint,
    }
}

pub(super) fn in_words(value: Option<&ComponentWorth>) -> String {
    value.map_or_else(
        || "      cannot be judged".into(),
        |w| format!("{:+.2} [{:+.2}, {:+.2}]", w.value, w.low, w.high),
    )
}
